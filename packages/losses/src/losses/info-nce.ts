import * as tf from '@tensorflow/tfjs-core';
import { checkSides, LOWEST, type PairOptions, pairsOf } from '../pairs.js';
import { reduce } from '../reduce.js';
import type { Reduced, Reduction } from '../types.js';

export interface InfoNceOptions<R extends Reduction = Reduction> extends PairOptions<R> {
  /** s, the inverse of the temperature; a scalar tensor where it is learned. Default 1/0.07. */
  readonly scale?: number | tf.Scalar | undefined;
}

/**
 * The symmetric contrastive loss of CLIP: each image is to find its text among the batch's texts,
 * and each text its image.
 *
 * Of logits xᵢⱼ = s·imageᵢ·textⱼ and the set P(i) of texts that belong to image i (its own; with
 * `labels` all of the same label, likewise the images of a text):
 *
 * ℓᵢ = −½ [ 1/|P(i)| Σ_{j∈P(i)} log softmaxⱼ(xᵢ.) + 1/|P(i)| Σ_{j∈P(i)} log softmaxⱼ(x.ᵢ) ],
 *
 * ∂ℓᵢ/∂xᵢⱼ = ½ (pᵢⱼ − [j∈P(i)]/|P(i)|) from the first half, with p the softmax over texts, and alike
 * from the second. A pair's examples with weight 0 are padding: they are nobody's candidate.
 *
 * Shapes: image and text `[batch, width]`, best of length 1. The default reduction is `mean`.
 *
 * Source: Radford et al., Learning transferable visual models from natural language supervision
 * (2021); several positives as L_out of Khosla et al., Supervised contrastive learning (2020).
 *
 * @throws ChainruleError `SHAPE`, `EMPTY_BATCH`, `DTYPE` where an embedding is not float32 or labels
 * are not int32.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { infoNce } from '@chainrule/losses';
 *
 * const image = tf.tensor2d([[1, 0], [0, 1]]);
 * infoNce(image, image, { scale: 1 }).print(); // −log(e / (e + 1)) = 0.3133
 */
export function infoNce<R extends Reduction = 'mean'>(
  image: tf.Tensor2D,
  text: tf.Tensor2D,
  options: InfoNceOptions<R> = {},
): Reduced<R> {
  const where = 'losses.infoNce';
  const { scale = 1 / 0.07, reduction = 'mean' as R, weight } = options;
  checkSides(where, image, text, options);
  return tf.tidy(() => {
    const { similarity, positive, real } = pairsOf(image, text, options);
    const scaled = tf.mul(similarity, scale);
    const logits = weight === undefined ? scaled : tf.add(scaled, tf.mul(tf.sub(1, real), LOWEST));
    const share = tf.div(positive, tf.maximum(tf.sum(positive, 1, true), 1));
    // Positives are mutual, so the same shares serve the other direction.
    const toText = tf.sum(tf.mul(tf.logSoftmax(logits as tf.Tensor2D), share), 1);
    const toImage = tf.sum(tf.mul(tf.logSoftmax(tf.transpose(logits) as tf.Tensor2D), share), 1);
    const losses = tf.mul(tf.add(toText, toImage), -0.5) as tf.Tensor1D;
    return reduce(where, losses, reduction, weight);
  });
}
