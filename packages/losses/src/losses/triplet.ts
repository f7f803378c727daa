import { lookUp, reduceMax } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { checkSides, LOWEST, type PairOptions, pairsOf } from '../pairs.js';
import { reduce } from '../reduce.js';
import type { Reduced, Reduction } from '../types.js';

export interface TripletOptions<R extends Reduction = Reduction> extends PairOptions<R> {
  /** α, by how much a pair must beat the others. Default 0.2. */
  readonly margin?: number | undefined;
  /** Which others count: the `hardest` of the batch (VSE++), or the sum over `all`. Default `hardest`. */
  readonly negatives?: 'hardest' | 'all' | undefined;
}

const gather = {
  hardest: (costs: tf.Tensor2D): tf.Tensor1D => tf.relu(reduceMax(costs, 1)),
  all: (costs: tf.Tensor2D): tf.Tensor1D => tf.sum(tf.relu(costs), 1),
};

/**
 * The hinge loss of visual-semantic embeddings: a pair is to be closer than either of its sides is to
 * any other by a margin.
 *
 * Of sᵢⱼ = imageᵢ·textⱼ, ℓᵢ = maxⱼ [α + sᵢⱼ − sᵢᵢ]₊ + maxⱼ [α + sⱼᵢ − sᵢᵢ]₊ over the j that do not belong to i,
 * or sums in place of the maxima with `negatives: 'all'`. Where a term is positive its
 * gradient is ∂ℓᵢ/∂sᵢⱼ = 1 at that j and ∂ℓᵢ/∂sᵢᵢ = −1. With `labels`, examples of the same label are
 * no negatives. Examples of weight 0 (padding) are nobody's negatives.
 *
 * Shapes: image and text `[batch, width]`, best of length 1. The default reduction is `mean`.
 *
 * Source: Faghri et al., VSE++: improving visual-semantic embeddings with hard negatives (2018).
 *
 * @throws ChainruleError `SHAPE`, `EMPTY_BATCH`, `DTYPE` where an embedding is not float32 or labels
 * are not int32; `UNKNOWN_NAME` for other `negatives`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { triplet } from '@chainrule/losses';
 *
 * const image = tf.tensor2d([[1, 0], [0, 1]]);
 * triplet(image, image, { margin: 1.5 }).print(); // (1.5 + 0 − 1) both ways = 1
 */
export function triplet<R extends Reduction = 'mean'>(
  image: tf.Tensor2D,
  text: tf.Tensor2D,
  options: TripletOptions<R> = {},
): Reduced<R> {
  const where = 'losses.triplet';
  const { margin = 0.2, negatives = 'hardest', reduction = 'mean' as R, weight } = options;
  const total = lookUp(`${where}: negatives`, gather, negatives);
  checkSides(where, image, text, options);
  return tf.tidy(() => {
    const { similarity, positive, real } = pairsOf(image, text, options);
    const own = tf.sum(tf.mul(image, text), 1, true);
    const excluded = tf.mul(tf.sub(1, tf.mul(real, tf.sub(1, positive))), LOWEST);
    const costs = (s: tf.Tensor) => tf.add(tf.add(tf.sub(s, own), margin), excluded) as tf.Tensor2D;
    const losses = tf.add(total(costs(similarity)), total(costs(tf.transpose(similarity))));
    return reduce(where, losses as tf.Tensor1D, reduction, weight);
  });
}
