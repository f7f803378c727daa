import {
  applyStep,
  type GradientTransformation,
  merge,
  partition,
  valueAndGrad,
} from '@chainrule/optim';
import {
  type Batch,
  isTrainable,
  type Metrics,
  type Module,
  mapTree,
  type Params,
  type Path,
  type Step,
  type Tree,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { Objective } from './objectives.js';

/** What moves on from step to step. */
export type TrainState<P extends Params = Params> = {
  readonly params: P;
  readonly optimizer: Tree<tf.Tensor>;
};

/**
 * The state before the first step: these parameters, which it takes over, and the optimiser's for
 * those of them that are trained.
 */
export function trainState<P extends Params>(
  params: P,
  optimizer: GradientTransformation,
  trainable: Trainable = () => true,
): TrainState<P> {
  return { params, optimizer: optimizer.init(partition(params, trained(trainable))[0]) };
}

/** Which leaves are trained, by their paths: see {@link freeze}. */
export type Trainable = (path: Path) => boolean;

/** Statistics are never trained. */
const trained = (trainable: Trainable) => (path: Path) => isTrainable(path) && trainable(path);

/**
 * A model that reads a batch: `multimodal(…)`, `dualEncoder(…)` or any module of the same form. What it
 * gives is for the objective to measure.
 */
export type TrainableModule<P extends Params = Params, Out = tf.Tensor2D> = Module<
  Omit<Batch, 'target' | 'weight'>,
  Out,
  P
>;

/** Metrics of a step, and `examples`: the sum of the weights they are means over. */
export type StepMetrics = { readonly loss: tf.Scalar; readonly examples: tf.Scalar } & Metrics;

/**
 * One step of gradient descent as a pure function: forward, loss, gradients of the trainable
 * leaves (by default all but `statistics`), optimiser; `statistics` leaves become what the modules reported.
 *
 * @example
 * const step = trainStep(model, classification(), optimizer);
 * const execution = eager().prepare(step, trainState(model.init(key(0)), optimizer));
 * const { loss } = await execution.run(batch, key(1));
 */
export function trainStep<P extends Params, Out = tf.Tensor2D>(
  model: TrainableModule<P, Out>,
  objective: Objective<Out>,
  optimizer: GradientTransformation,
  trainable: Trainable = () => true,
): Step<TrainState<P>, Batch, StepMetrics> {
  return (state, batch, key) => {
    const [moving, fixed] = partition(state.params, trained(trainable));
    const reported = new Map<tf.Tensor, tf.Tensor>();
    const update = (leaf: tf.Tensor, value: tf.Tensor) => {
      reported.get(leaf)?.dispose();
      reported.set(leaf, tf.keep(value));
    };

    const { aux, grads } = valueAndGrad((leaves: Params) => {
      const params = merge(leaves, fixed) as P;
      const output = model.apply(params, batch, { training: true, key, update });
      const measured = objective.measure(output, batch.target as tf.Tensor, batch.weight);
      return { value: measured.loss, aux: measured };
    })(moving);

    const [moved, slots] = applyStep(optimizer, grads, state.optimizer, moving);
    // What was kept from the tidies of the forward pass is left to the one around the step.
    const statistics = mapTree(fixed, (leaf: tf.Tensor) => {
      const kept = reported.get(leaf);
      const value = kept ? tf.clone(kept) : leaf;
      kept?.dispose();
      return value;
    }) as Params;
    return {
      state: { params: merge(moved, statistics) as P, optimizer: slots },
      metrics: { ...aux, examples: countExamples(batch) },
    };
  };
}

/** Loss and metrics of one batch, parameters unchanged. */
export function evaluationStep<P extends Params, Out = tf.Tensor2D>(
  model: TrainableModule<P, Out>,
  objective: Objective<Out>,
): Step<P, Batch, StepMetrics> {
  return (params, batch) => ({
    state: params,
    metrics: {
      ...objective.measure(model.apply(params, batch), batch.target as tf.Tensor, batch.weight),
      examples: countExamples(batch),
    },
  });
}

function countExamples(batch: Batch): tf.Scalar {
  return batch.weight === undefined
    ? tf.scalar((batch.target as tf.Tensor).shape[0]!)
    : (tf.sum(batch.weight) as tf.Scalar);
}
