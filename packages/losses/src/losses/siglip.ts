import * as tf from '@tensorflow/tfjs-core';
import { withSlope } from '../gradient.js';
import { checkSides, type PairOptions, pairsOf } from '../pairs.js';
import { reduce } from '../reduce.js';
import type { Reduced, Reduction } from '../types.js';

export interface SiglipOptions<R extends Reduction = Reduction> extends PairOptions<R> {
  /** s, the inverse of the temperature; a scalar tensor where it is learned. Default 10. */
  readonly scale?: number | tf.Scalar | undefined;
  /** b, which balances the many pairs that do not match; it may be learned too. Default −10. */
  readonly bias?: number | tf.Scalar | undefined;
}

/**
 * The pairwise sigmoid loss of SigLIP: of every image and every text of the batch, whether they
 * belong together is a question of its own.
 *
 * Of xᵢⱼ = s·imageᵢ·textⱼ + b and zᵢⱼ = 1 where image i and text j belong together (i = j; with
 * `labels` where they are equal), else −1:
 *
 * ℓᵢ = −Σⱼ log σ(zᵢⱼ xᵢⱼ),  ∂ℓᵢ/∂xᵢⱼ = −zᵢⱼ σ(−zᵢⱼ xᵢⱼ).
 *
 * Pairs with an example of weight 0 (padding) do not count.
 *
 * Shapes: image and text `[batch, width]`, best of length 1. The default reduction is `mean`: the sum
 * over all pairs, divided by the number of examples, as in the paper.
 *
 * Source: Zhai et al., Sigmoid loss for language image pre-training (2023).
 *
 * @throws ChainruleError `SHAPE`, `EMPTY_BATCH`, `DTYPE` where an embedding is not float32 or labels
 * are not int32.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { siglip } from '@chainrule/losses';
 *
 * const image = tf.tensor2d([[1, 0], [0, 1]]);
 * siglip(image, image, { scale: 0, bias: 0 }).print(); // two pairs an example: 2 log 2 = 1.3863
 */
export function siglip<R extends Reduction = 'mean'>(
  image: tf.Tensor2D,
  text: tf.Tensor2D,
  options: SiglipOptions<R> = {},
): Reduced<R> {
  const where = 'losses.siglip';
  const { scale = 10, bias = -10, reduction = 'mean' as R, weight } = options;
  checkSides(where, image, text, options);
  return tf.tidy(() => {
    const { similarity, positive, real } = pairsOf(image, text, options);
    const logits = tf.add(tf.mul(similarity, scale), bias);
    const sign = tf.sub(tf.mul(positive, 2), 1);
    const each = withSlope(logits, (x) => {
      const signed = tf.mul(x, sign);
      const misses = tf.neg(tf.mul(sign, tf.sigmoid(tf.neg(signed))));
      // −log σ(u) = max(−u, 0) + log(1 + e^−|u|), stable for u of any size.
      const value = tf.add(tf.relu(tf.neg(signed)), tf.log1p(tf.exp(tf.neg(tf.abs(x)))));
      return { value: tf.mul(value, real), slope: tf.mul(misses, real) };
    });
    return reduce(where, tf.sum(each, 1) as tf.Tensor1D, reduction, weight);
  });
}
