import {
  type Batch,
  cloneTree,
  type Execution,
  type Executor,
  eager,
  key,
  type Params,
} from '@chainrule/tensor';
import type * as tf from '@tensorflow/tfjs-core';
import { type Batches, disposeBatch } from './batches.js';
import { breathe } from './breathe.js';
import type { Measures } from './events.js';
import { averager } from './measures.js';
import type { Objective } from './objectives.js';
import { evaluationStep, type StepMetrics, type TrainableModule } from './step.js';

/** Loss and metrics over all the batches of one epoch, each example counted once. */
export async function evaluate<P extends Params>(options: {
  readonly model: TrainableModule<P>;
  readonly params: P;
  readonly objective: Objective<tf.Tensor2D>;
  readonly data: Batches;
  readonly executor?: Executor;
  readonly signal?: AbortSignal;
}): Promise<Measures> {
  const { model, params, objective, data, executor = eager(), signal } = options;
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
      const { examples, ...measures } = await evaluation.run(batch, key(0));
      means.add(measures as Measures, examples);
    } finally {
      disposeBatch(batch);
    }
    await breathe();
  }
  return means.mean();
}
