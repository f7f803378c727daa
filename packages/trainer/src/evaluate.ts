import {
  type Batch,
  ChainruleError,
  cloneTree,
  defaultExecutor,
  type Execution,
  type Executor,
  key,
  type Params,
} from '@chainrule/tensor';
import type * as tf from '@tensorflow/tfjs-core';
import { type Batches, disposeBatch, stepInput } from './batches.js';
import { breathe } from './breathe.js';
import type { Measures } from './events.js';
import { averager } from './measures.js';
import type { Objective } from './objectives.js';
import { evaluationStep, type StepMetrics, type TrainableModule } from './step.js';

export interface EvaluateOptions<P extends Params, Out = tf.Tensor2D> {
  readonly model: TrainableModule<P, Out>;
  readonly params: P;
  readonly objective: Objective<Out>;
  readonly data: Batches;
  /** How the batches run. Default: compiled where the backend can, else {@link eager}. */
  readonly executor?: Executor;
  /** Ends the evaluation with the signal's reason as the error. */
  readonly signal?: AbortSignal;
}

/**
 * Loss and metrics over the data, each example counted once and padding not at all.
 *
 * @throws ChainruleError `EMPTY_DATA` where the data give no example.
 *
 * @example
 * const { loss, accuracy } = await evaluate({ model, params, objective: classification(), data: test });
 */
export async function evaluate<P extends Params, Out = tf.Tensor2D>(
  options: EvaluateOptions<P, Out>,
): Promise<Measures> {
  const { model, params, objective, data, executor = defaultExecutor(), signal } = options;
  const evaluation = executor.prepare(evaluationStep(model, objective), cloneTree(params));
  try {
    return await measure(evaluation, data, { signal });
  } finally {
    evaluation.dispose();
  }
}

/** One epoch of `data` through an evaluation, with `params` where they are given. */
export async function measure<P extends Params>(
  evaluation: Execution<P, Batch, StepMetrics>,
  data: Batches,
  options: { readonly params?: P; readonly signal?: AbortSignal | undefined },
): Promise<Measures> {
  const { params, signal } = options;
  if (params !== undefined) await evaluation.write(params);
  const means = averager();
  for await (const batch of data.epoch(0, signal)) {
    try {
      signal?.throwIfAborted();
      const { examples, ...measures } = await evaluation.run(stepInput(batch), key(0));
      means.add(measures as Measures, examples);
    } finally {
      disposeBatch(batch);
    }
    await breathe();
  }
  const mean = means.mean();
  if (mean === undefined) {
    throw new ChainruleError(
      'EMPTY_DATA',
      'evaluate: the data gave no example; check that the data set is not empty',
    );
  }
  return mean;
}
