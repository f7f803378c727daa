import { type GradientTransformation, partition } from '@chainrule/optim';
import {
  type Batch,
  ChainruleError,
  cloneTree,
  countParams,
  disposeTree,
  type Execution,
  type Executor,
  eager,
  foldIn,
  isTrainable,
  key,
  type Params,
  split,
  tidy,
  type Tree,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { Best, type Watch } from './best.js';
import { breathe } from './breathe.js';
import type { EpochSummary, Measures, TrainEvent, TrainingFailure, TrainResult } from './events.js';
import { averager } from './measures.js';
import type { Objective } from './objectives.js';
import { evaluationStep, type StepMetrics, type TrainableModule, type TrainState, trainStep } from './step.js';

/** Batches in a given order for each epoch; `@chainrule/data`'s loader is one. */
export interface Batches {
  readonly stepsPerEpoch: number;
  /** Examples in one epoch. */
  readonly size: number;
  /** The batches of epoch `n` (from 0). Whoever iterates disposes each batch. */
  epoch(n: number, signal?: AbortSignal): AsyncIterable<Batch> | Iterable<Batch>;
}

export interface TrainOptions<P extends Params> {
  readonly model: TrainableModule<P>;
  readonly objective: Objective<tf.Tensor2D>;
  readonly optimizer: GradientTransformation;
  readonly data: Batches;
  readonly validation?: Batches;
  readonly epochs: number;
  /** Seeds the initial parameters and every step's randomness. Default 0. */
  readonly seed?: number;
  /** Where to start from; copied. Default: `model.init` from the seed. */
  readonly params?: P;
  /** How steps run. Default {@link eager}. */
  readonly executor?: Executor;
  readonly watch?: Watch;
  /** Which parameters the result holds. Default `best`. */
  readonly keep?: 'best' | 'last';
  /** Ends training after the present step; the result holds what was learnt so far. */
  readonly signal?: AbortSignal;
}

/**
 * Trains a model, as a stream of events.
 *
 * Each step: forward, loss, gradient, optimiser. After each epoch the validation data are
 * measured and, where they are the best so far, the parameters are kept. The same seed and data
 * give the same losses on the same machine.
 *
 * @returns (the generator's return value) parameters, history and the reason of the end.
 * @throws ChainruleError `EMPTY_DATA`; `OPTION`; `DIVERGED` where the loss is no longer finite,
 * with the best parameters so far in `error.result` (see {@link TrainingFailure}).
 *
 * @example
 * const run = train({ model, objective: classification(), optimizer: adam(1e-3), data, epochs: 10 });
 * for await (const event of run) if (event.type === 'epoch') console.log(event.train.loss);
 */
export async function* train<P extends Params>(
  options: TrainOptions<P>,
): AsyncGenerator<TrainEvent, TrainResult<P>, void> {
  const { model, objective, optimizer, data, validation, epochs, signal } = options;
  checkOptions(options);
  const root = key(options.seed ?? 0);
  const stepKeys = split(root, 'steps');
  const executor = options.executor ?? eager();

  const initial = tidy(() => {
    const params = options.params === undefined ? model.init(split(root, 'init')) : cloneTree(options.params);
    return { params, optimizer: optimizer.init(partition(params, isTrainable)[0]) };
  });
  const parameters = countParams(initial.params);
  const best = new Best(options.watch, cloneTree(initial.params));
  const training = executor.prepare(trainStep(model, objective, optimizer), initial as TrainState<P>);
  const evaluation =
    validation && executor.prepare(evaluationStep(model, objective), cloneTree(best.params));

  const history: EpochSummary[] = [];
  let step = 0;
  let seconds = 0;
  const result = async (reason: TrainResult['reason']): Promise<TrainResult<P>> => {
    const last = options.keep === 'last' && reason === 'completed';
    const params = last ? (await training.read()).params : cloneTree(best.params);
    return { params, reason, history, bestEpoch: last ? history.length : best.epoch, steps: step, seconds };
  };

  try {
    yield {
      type: 'start',
      epochs,
      stepsPerEpoch: data.stepsPerEpoch,
      examples: data.size,
      parameters,
      executor: executor.name,
      backend: tf.getBackend(),
    };
    for (let epoch = 1; epoch <= epochs; epoch++) {
      const means = averager();
      const began = performance.now();
      let stepInEpoch = 0;
      for await (const batch of data.epoch(epoch - 1, signal)) {
        let values: Measures & { readonly examples: number };
        try {
          if (signal?.aborted) break;
          values = await training.run(batch, foldIn(stepKeys, step));
        } finally {
          disposeBatch(batch);
        }
        step += 1;
        stepInEpoch += 1;
        const { examples, ...measures } = values;
        if (!Number.isFinite(measures.loss)) throw await failure(step, epoch, measures.loss, result);
        means.add(measures as Measures, examples);
        yield { type: 'step', epoch, step, stepInEpoch, examples, measures: measures as Measures };
        await breathe();
      }
      seconds += (performance.now() - began) / 1000;
      if (stepInEpoch === 0 && !signal?.aborted) {
        throw new ChainruleError('EMPTY_DATA', 'train: the training data gave no batch; check that the data set is not empty');
      }
      if (signal?.aborted) {
        // Mid-epoch parameters are worth keeping only where there is nothing better.
        if (best.epoch === 0 && step > 0) best.take((await training.read()).params, 0);
        return yield* end('aborted');
      }

      const summary = await closeEpoch(epoch, means.mean(), (performance.now() - began) / 1000);
      history.push(summary);
      yield { type: 'epoch', ...summary };
      if (best.exhausted(epoch)) return yield* end('early');
    }
    return yield* end('completed');
  } finally {
    disposeTree(best.params);
    training.dispose();
    evaluation?.dispose();
  }

  async function* end(reason: 'completed' | 'early' | 'aborted') {
    yield { type: 'stop', reason } as const;
    return await result(reason);
  }

  async function closeEpoch(epoch: number, trained: Measures, seconds: number): Promise<EpochSummary> {
    const { params, optimizer: slots } = await training.read();
    disposeTree(slots);
    const validated = evaluation && validation ? await measure(evaluation, params, validation, signal) : undefined;
    const isBest = best.offer(params, epoch, validated ?? trained);
    return { epoch, train: trained, ...(validated && { validation: validated }), seconds, best: isBest };
  }
}

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
    return await measure(evaluation, undefined, data, signal);
  } finally {
    evaluation.dispose();
  }
}

async function measure<P extends Params>(
  evaluation: Execution<P, Batch, StepMetrics>,
  params: P | undefined,
  data: Batches,
  signal: AbortSignal | undefined,
): Promise<Measures> {
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

function checkOptions({ epochs, data, watch }: TrainOptions<Params>): void {
  if (!Number.isInteger(epochs) || epochs < 1) {
    throw new ChainruleError('OPTION', `train: epochs must be a positive integer, got ${epochs}`);
  }
  if (watch?.patience !== undefined && (!Number.isInteger(watch.patience) || watch.patience < 1)) {
    throw new ChainruleError('OPTION', `train: watch.patience must be a positive integer, got ${watch.patience}`);
  }
  if (data.size === 0) {
    throw new ChainruleError('EMPTY_DATA', 'train: the training data set is empty');
  }
}

async function failure<P extends Params>(
  step: number,
  epoch: number,
  loss: number,
  result: (reason: 'diverged') => Promise<TrainResult<P>>,
): Promise<TrainingFailure<P>> {
  const error = new ChainruleError(
    'DIVERGED',
    `train: the loss became ${loss} at step ${step} (epoch ${epoch}); lower the learning rate, clip the gradients ` +
      'with clipByGlobalNorm(1), and check the data for NaN. The best parameters so far are in error.result',
  );
  return Object.assign(error, { result: await result('diverged') });
}

function disposeBatch(batch: Batch): void {
  const { inputs, rows, target, weight } = batch;
  for (const part of [inputs, rows, target, weight]) if (part !== undefined) disposeTree(part as Tree<tf.Tensor>);
}
