import { type Config, type Tree, zipTree } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

/** Anything that can be descended on: parameters, or a single tensor such as the fused z. */
export type TensorTree = Tree<tf.Tensor>;

/**
 * A plain tree of tensors, so that checkpoints and compiled steps treat it as any other tree.
 * Step counts are int32 scalars named `count`: the number of updates made so far.
 */
export type OptState = TensorTree;

/**
 * What becomes of a gradient on its way to the parameters: scaled, clipped, averaged over time.
 *
 * Transformations are pure: they neither dispose of nor change a tensor that they are given, and
 * they never read one, so that a step can be recorded. Run them in `tf.tidy`. They treat every
 * leaf they see; leaves that are not trained are kept away from them with {@link partition}.
 *
 * The design is optax's (Babuschkin et al., 2020).
 *
 * @example
 * import type { GradientTransformation } from '@chainrule/optim';
 * import { mapTree } from '@chainrule/tensor';
 * import * as tf from '@tensorflow/tfjs';
 *
 * const sign: GradientTransformation = {
 *   config: { type: 'sign' },
 *   init: () => ({}),
 *   update: (updates, state) => [
 *     mapTree(updates, (g: tf.Tensor) => tf.sign(g)) as typeof updates,
 *     state,
 *   ],
 * };
 */
export interface GradientTransformation<S extends OptState = OptState> {
  /** Plain JSON; the registry rebuilds this very transformation from it. */
  readonly config: Config;
  /** The state before the first update. */
  init(params: TensorTree): S;
  /** Updates, to be added to the parameters, and the next state. */
  update<P extends TensorTree>(updates: P, state: S, params: P): readonly [updates: P, state: S];
  /**
   * `update` and `applyUpdates` in one, for transformations that a backend can do in one pass over
   * the memory: see fused.ts. Call it through {@link applyStep}.
   */
  step?<P extends TensorTree>(grads: P, state: S, params: P): readonly [params: P, state: S];
}

/** params + updates, leaf by leaf. */
export function applyUpdates<P extends TensorTree>(params: P, updates: P): P {
  return zipTree(params, updates, (param: tf.Tensor, update: tf.Tensor) =>
    tf.add(param, update),
  ) as P;
}

/** The step as it is defined: transform the gradients, then add them. */
export function updateStep<P extends TensorTree, S extends OptState>(
  transformation: GradientTransformation<S>,
  grads: P,
  state: S,
  params: P,
): readonly [params: P, state: S] {
  const [updates, next] = transformation.update(grads, state, params);
  return [applyUpdates(params, updates), next];
}

/**
 * One step of descent: new parameters and new state from gradients. The same numbers as
 * {@link updateStep}, by the backend's fused kernel where it has one.
 *
 * @example
 * import { adamw, applyStep, valueAndGrad } from '@chainrule/optim';
 * import * as tf from '@tensorflow/tfjs';
 *
 * const params = { w: tf.tensor1d([1, 2]) };
 * const loss = ({ w }: typeof params): tf.Scalar => tf.sum(tf.square(w));
 * const optimizer = adamw({ learningRate: 1e-3 });
 * const { grads } = valueAndGrad(loss)(params);
 * const [next, state] = applyStep(optimizer, grads, optimizer.init(params), params);
 * next.w.print(); // [0.999, 1.999]
 */
export function applyStep<P extends TensorTree, S extends OptState>(
  transformation: GradientTransformation<S>,
  grads: P,
  state: S,
  params: P,
): readonly [params: P, state: S] {
  return transformation.step === undefined
    ? updateStep(transformation, grads, state, params)
    : transformation.step(grads, state, params);
}
