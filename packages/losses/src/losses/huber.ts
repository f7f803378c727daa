import { ChainruleError } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { checkPair } from '../checks.js';
import { withSlope } from '../gradient.js';
import { perExample, reduce } from '../reduce.js';
import type { LossOptions, Reduced, Reduction } from '../types.js';

export interface HuberOptions<R extends Reduction = Reduction> extends LossOptions<R> {
  /** Where the square turns into a line, in the units of the target. Default 1. */
  readonly delta?: number | undefined;
}

/**
 * Huber loss: squared near the target, linear far from it, so outliers pull less.
 *
 * With e = zᵢⱼ − yᵢⱼ:  h(e) = ½e² where |e| ≤ δ, otherwise δ(|e| − ½δ);  ∂h/∂e = clip(e, −δ, δ).
 * ℓᵢ = (1/d) Σⱼ h(zᵢⱼ − yᵢⱼ) over the d elements of example i.
 *
 * Shapes: prediction and target `[batch, …]`, of one shape. The default reduction is `mean`: the
 * mean over all elements, as `torch.nn.HuberLoss`. `sum` adds the examples' means.
 *
 * Source: Huber, Robust estimation of a location parameter (1964).
 *
 * @throws ChainruleError `SHAPE`, `EMPTY_BATCH`, `DTYPE` where the prediction is not float32,
 * `OPTION` where delta is not positive.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { huber } from '@chainrule/losses';
 *
 * huber(tf.tensor1d([0.5]), tf.tensor1d([0])).print(); // ½ 0.5² = 0.125
 * huber(tf.tensor1d([5]), tf.tensor1d([0]), { delta: 2 }).print(); // 2 (5 − 1) = 8
 */
export function huber<R extends Reduction = 'mean'>(
  prediction: tf.Tensor,
  target: tf.Tensor,
  { delta = 1, reduction = 'mean' as R, weight }: HuberOptions<R> = {},
): Reduced<R> {
  const where = 'losses.huber';
  if (!(delta > 0 && Number.isFinite(delta))) {
    throw new ChainruleError('OPTION', `${where}: delta must be a positive number, got ${delta}`);
  }
  checkPair(where, prediction, target);
  return tf.tidy(() => {
    const elements = withSlope(tf.sub(prediction, target), (error) => {
      const clipped = tf.clipByValue(error, -delta, delta);
      // With c = clip(e): ½c² + c(e − c) = c(e − ½c) is both branches at once.
      return { value: tf.mul(clipped, tf.sub(error, tf.mul(clipped, 0.5))), slope: clipped };
    });
    return reduce(where, perExample('mean', elements), reduction, weight);
  });
}
