import { checkShape } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { checkPair } from '../checks.js';
import { reduce } from '../reduce.js';
import type { LossOptions, Reduced, Reduction } from '../types.js';

/** Vectors that are shorter have no direction. */
const SHORTEST = 1e-8;

/**
 * One minus the cosine of the angle between prediction a and target b.
 *
 * ℓᵢ = 1 − aᵢ·bᵢ / (‖aᵢ‖‖bᵢ‖), from 0 (same direction) to 2 (opposite);
 * ∂ℓᵢ/∂aᵢ = −(b̂ᵢ − (âᵢ·b̂ᵢ) âᵢ) / ‖aᵢ‖ with â = a / ‖a‖. Both sides receive gradients.
 *
 * A vector shorter than 10⁻⁸ has no direction: its cosine is 0, its loss 1 and its gradient 0.
 *
 * Shapes: prediction and target `[batch, width]`. The default reduction is `mean`.
 *
 * Source: PyTorch `1 - cosine_similarity`, which divides by 10⁻⁸ there and gives gradients of 10⁸.
 *
 * @throws ChainruleError `SHAPE`, `EMPTY_BATCH`, `DTYPE` where the prediction is not float32.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { cosine } from '@chainrule/losses';
 *
 * cosine(tf.tensor2d([[1, 0]]), tf.tensor2d([[3, 4]])).print(); // 1 − 3/5 = 0.4
 */
export function cosine<R extends Reduction = 'mean'>(
  prediction: tf.Tensor2D,
  target: tf.Tensor2D,
  { reduction = 'mean' as R, weight }: LossOptions<R> = {},
): Reduced<R> {
  const where = 'losses.cosine';
  checkShape(where, 'prediction', prediction, ['batch', 'width']);
  checkPair(where, prediction, target);
  return tf.tidy(() => {
    const cosines = tf.sum(tf.mul(unit(prediction), unit(tf.cast(target, 'float32'))), 1);
    return reduce(where, tf.sub(1, cosines) as tf.Tensor1D, reduction, weight);
  });
}

/** u = x / ‖x‖, whose gradient is (dy − (dy·u) u) / ‖x‖; both are zero where x has no direction. */
function unit(x: tf.Tensor2D): tf.Tensor2D {
  const operation = tf.customGrad((input, save) => {
    const length = tf.sqrt(tf.sum(tf.square(input as tf.Tensor2D), 1, true));
    const inverse = tf.where(
      tf.greater(length, SHORTEST),
      tf.reciprocal(length),
      tf.zerosLike(length),
    );
    const value = tf.mul(input as tf.Tensor2D, inverse);
    (save as (tensors: tf.Tensor[]) => void)([value, inverse]);
    const gradFunc = (dy: tf.Tensor, [u, inverse]: tf.Tensor[]) =>
      tf.mul(tf.sub(dy, tf.mul(u!, tf.sum(tf.mul(dy, u!), 1, true))), inverse!);
    return { value, gradFunc };
  });
  return operation(x) as tf.Tensor2D;
}
