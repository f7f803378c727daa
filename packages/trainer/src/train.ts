import type { GradientTransformation } from '@chainrule/optim';
import {
  type Batch,
  ChainruleError,
  cloneTree,
  countParams,
  defaultExecutor,
  disposeTree,
  type Executor,
  foldIn,
  key,
  type Params,
  split,
  tidy,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { type Batches, disposeBatch, stepInput } from './batches.js';
import { keepBest, type Watch } from './best.js';
import { breathe } from './breathe.js';
import { measure } from './evaluate.js';
import type {
  EpochSummary,
  Measures,
  StepEvent,
  TrainEvent,
  TrainingFailure,
  TrainResult,
} from './events.js';
import { averager } from './measures.js';
import type { Objective } from './objectives.js';
import {
  evaluationStep,
  type Trainable,
  type TrainableModule,
  trainState,
  trainStep,
} from './step.js';

export interface TrainOptions<P extends Params, Out = tf.Tensor2D> {
  readonly model: TrainableModule<P, Out>;
  readonly objective: Objective<Out>;
  readonly optimizer: GradientTransformation;
  readonly data: Batches;
  /** Measured after each epoch. Default: the training data decide which epoch is best. */
  readonly validation?: Batches;
  readonly epochs: number;
  /** Seeds the initial parameters and every step's randomness. Default 0. */
  readonly seed?: number;
  /** Where to start from; copied. Default: `model.init` from the seed. */
  readonly params?: P;
  /** Which leaves are trained, by path: `freeze('encoders/text')`. Default: all. */
  readonly trainable?: Trainable;
  /** How steps run. Default: compiled where the backend can, else {@link eager}. */
  readonly executor?: Executor;
  /** What the best epoch is, and how long to wait for a better one. Default: the lowest loss; for ever. */
  readonly watch?: Watch;
  /** Which parameters the result holds; of an aborted run always the best. Default `best`. */
  readonly keep?: 'best' | 'last';
  /** Ends training after the present step, without an error; the result holds the best so far. */
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
 * const run = train({ model, objective: classification(), optimizer: adam(), data, epochs: 10 });
 * for await (const event of run) if (event.type === 'epoch') console.log(event.train.loss);
 */
export async function* train<P extends Params, Out = tf.Tensor2D>(
  options: TrainOptions<P, Out>,
): AsyncGenerator<TrainEvent, TrainResult<P>, void> {
  const { model, objective, data, validation, epochs, signal, keep = 'best', watch = {} } = options;
  const { patience = Infinity } = watch;
  checkOptions(options);
  const root = key(options.seed ?? 0);
  const stepKeys = split(root, 'steps');
  const executor = options.executor ?? defaultExecutor();
  const initial = tidy(() => {
    const { params, optimizer, trainable } = options;
    const start = params ? cloneTree(params) : model.init(split(root, 'init'));
    return trainState(start, optimizer, trainable);
  });
  const parameters = countParams(initial.params);
  const best = keepBest(watch, cloneTree(initial.params));
  const evaluation =
    validation && executor.prepare(evaluationStep(model, objective), cloneTree(initial.params));
  const training = executor.prepare(
    trainStep(model, objective, options.optimizer, options.trainable),
    initial,
  );

  const history: EpochSummary[] = [];
  let step = 0;
  let seconds = 0;

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
      for await (const event of steps(epoch)) {
        means.add(event.measures, event.examples);
        yield event;
      }
      const elapsed = (performance.now() - began) / 1000;
      seconds += elapsed;
      if (signal?.aborted) break;
      const summary = await close(epoch, means.mean(), elapsed).catch(unlessAborted);
      if (summary === undefined) break;
      history.push(summary);
      yield { type: 'epoch', ...summary };
      if (epoch - best.epoch >= patience) break;
    }
    const reason = signal?.aborted ? 'aborted' : history.length < epochs ? 'early' : 'completed';
    yield { type: 'stop', reason };
    return await result(reason);
  } finally {
    disposeTree(best.params);
    training.dispose();
    evaluation?.dispose();
  }

  async function* steps(epoch: number): AsyncGenerator<StepEvent> {
    let stepInEpoch = 0;
    for await (const batch of untilAborted(data.epoch(epoch - 1, signal), signal)) {
      const { examples, ...rest } = await training
        .run(stepInput(batch), foldIn(stepKeys, step))
        .finally(() => disposeBatch(batch));
      const measures = rest as Measures;
      step += 1;
      stepInEpoch += 1;
      if (!Number.isFinite(measures.loss)) {
        throw diverged(step, epoch, measures.loss, await result('diverged'));
      }
      yield { type: 'step', epoch, step, stepInEpoch, examples, measures };
      await breathe();
    }
  }

  async function close(
    epoch: number,
    trained: Measures | undefined,
    elapsed: number,
  ): Promise<EpochSummary> {
    if (trained === undefined) throw noBatches();
    const params = await currentParams();
    let validated: Measures | undefined;
    try {
      if (evaluation && validation) {
        validated = await measure(evaluation, validation, { params, signal });
      }
    } catch (error) {
      disposeTree(params);
      throw error;
    }
    const isBest = best.offer(params, epoch, validated ?? trained);
    return {
      epoch,
      train: trained,
      ...(validated && { validation: validated }),
      seconds: elapsed,
      best: isBest,
    };
  }

  function unlessAborted(error: unknown): undefined {
    if (!signal?.aborted) throw error;
  }

  async function currentParams(): Promise<P> {
    const { params, optimizer } = await training.read();
    disposeTree(optimizer);
    return params;
  }

  async function result(reason: TrainResult['reason']): Promise<TrainResult<P>> {
    const regular = reason === 'completed' || reason === 'early';
    // What was learnt in part of the first epoch is better than nothing.
    const wantsLast = regular ? keep === 'last' : reason === 'aborted' && best.epoch === 0;
    return {
      params: wantsLast ? await currentParams() : cloneTree(best.params),
      reason,
      history,
      bestEpoch: wantsLast ? history.length : best.epoch,
      steps: step,
      seconds,
    };
  }
}

/** The batches until the signal: a source may also throw its reason, which is no failure here. */
async function* untilAborted(
  batches: AsyncIterable<Batch> | Iterable<Batch>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Batch> {
  try {
    for await (const batch of batches) {
      if (signal?.aborted) {
        disposeBatch(batch);
        return;
      }
      yield batch;
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}

function checkOptions({
  epochs,
  data,
  watch,
}: Pick<TrainOptions<Params>, 'epochs' | 'data' | 'watch'>): void {
  if (!Number.isInteger(epochs) || epochs < 1) {
    throw new ChainruleError('OPTION', `train: epochs must be a positive integer, got ${epochs}`);
  }
  if (watch?.patience !== undefined && (!Number.isInteger(watch.patience) || watch.patience < 1)) {
    throw new ChainruleError(
      'OPTION',
      `train: watch.patience must be a positive integer, got ${watch.patience}`,
    );
  }
  if (data.size === 0) {
    throw new ChainruleError('EMPTY_DATA', 'train: the training data set is empty');
  }
}

function noBatches(): ChainruleError {
  return new ChainruleError(
    'EMPTY_DATA',
    'train: the training data gave no batch; check that the data set is not empty',
  );
}

function diverged<P extends Params>(
  step: number,
  epoch: number,
  loss: number,
  result: TrainResult<P>,
): TrainingFailure<P> {
  const error = new ChainruleError(
    'DIVERGED',
    `train: the loss became ${loss} at step ${step} (epoch ${epoch}); lower the learning rate, clip the ` +
      'gradients with clipByGlobalNorm, and check the data for NaN. The best parameters so far are in error.result',
  );
  return Object.assign(error, { result });
}
