import { zerosLike, zipTree } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { checkAtLeast, checkDecay } from './check.js';
import { increment } from './scale-by-learning-rate.js';
import { tidy } from './tidy.js';
import type { GradientTransformation, TensorTree } from './transformation.js';

export interface ScaleByAdamOptions {
  /** β₁, the decay of the mean of gradients; default 0.9. */
  readonly beta1?: number;
  /** β₂, the decay of the mean of squared gradients; default 0.999. */
  readonly beta2?: number;
  /** ε, added to the root, outside of it; default 1e-8. */
  readonly epsilon?: number;
}

export type AdamState = {
  readonly count: tf.Scalar;
  /** The running mean of the gradients. */
  readonly m: TensorTree;
  /** The running mean of their squares. */
  readonly v: TensorTree;
};

export const adamDefaults = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/**
 * Adam's direction (Kingma and Ba, 2015, Algorithm 1), without the learning rate:
 *
 *     m ← β₁m + (1 − β₁)g        m̂ = m / (1 − β₁ᵗ)
 *     v ← β₂v + (1 − β₂)g²       v̂ = v / (1 − β₂ᵗ)
 *     u = m̂ / (√v̂ + ε)
 *
 * @example
 * import { addDecayedWeights, chain, scaleByAdam, scaleByLearningRate } from '@chainrule/optim';
 *
 * // What adamw is:
 * chain(scaleByAdam(), addDecayedWeights(), scaleByLearningRate({ learningRate: 1e-3 }));
 */
export function scaleByAdam(options: ScaleByAdamOptions = {}): GradientTransformation<AdamState> {
  const config = { type: 'scaleByAdam', ...adamDefaults, ...options } as const;
  const { beta1, beta2, epsilon } = config;
  checkDecay('optim.scaleByAdam', 'beta1', beta1);
  checkDecay('optim.scaleByAdam', 'beta2', beta2);
  checkAtLeast('optim.scaleByAdam', 'epsilon', epsilon, 0);
  return {
    config,
    init: (params) => ({
      count: tf.scalar(0, 'int32'),
      m: zerosLike(params),
      v: zerosLike(params),
    }),
    update(updates, state) {
      const count = increment(state.count);
      const m = zipTree(state.m, updates, (mean: tf.Tensor, g: tf.Tensor) =>
        movingAverage(mean, g, beta1),
      );
      const v = zipTree(state.v, updates, (mean: tf.Tensor, g: tf.Tensor) =>
        tidy(() => movingAverage(mean, tf.square(g), beta2)),
      );
      const correction1 = biasCorrection(count, beta1);
      const correction2 = biasCorrection(count, beta2);
      const direction = zipTree(m, v, (mean: tf.Tensor, square: tf.Tensor) =>
        tidy(() =>
          tf.div(tf.div(mean, correction1), tf.add(tf.sqrt(tf.div(square, correction2)), epsilon)),
        ),
      );
      // The structure is that of the updates; the leaves are keyed alike.
      return [direction as typeof updates, { count, m, v }];
    },
  };
}

function movingAverage(mean: tf.Tensor, x: tf.Tensor, decay: number): tf.Tensor {
  return tidy(() => tf.add(tf.mul(mean, decay), tf.mul(x, 1 - decay)));
}

/**
 * 1 − decayᵗ, as −expm1(t ln decay): in float32 the plain form has lost four of its seven digits
 * at t = 1 with decay = 0.999.
 */
export function biasCorrection(count: tf.Scalar, decay: number): tf.Scalar {
  if (decay === 0) return tf.scalar(1);
  return tidy(() => tf.neg(tf.expm1(tf.mul(tf.cast(count, 'float32'), Math.log(decay)))));
}
