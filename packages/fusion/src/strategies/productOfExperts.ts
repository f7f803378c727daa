import { checkPositiveInteger } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { softmaxAcross } from '../factors.js';
import { LOWEST, presentColumns } from '../missing.js';
import { modalities } from '../modalities.js';
import { type Projections, projections } from '../projections.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface ProductOfExpertsOptions extends FusionOptions {
  /** The width of z. Default: the widest modality's. */
  readonly width?: number;
}
/** Wᵢ and bᵢ, `[widthᵢ, 2 · width]`: columns that give the mean, then those for its log precision. */
export type ProductOfExpertsParams = Projections;
export type ProductOfExpertsConfig = {
  readonly type: 'productOfExperts';
  readonly widths: Widths;
  readonly width: number;
};

/**
 * Product of experts: each modality gives a Gaussian, and z is the mean of their normalised product
 * with a standard normal prior, where each counts by its precision.
 *
 * z = Σᵢ τᵢ ⊙ μᵢ / (1 + Σᵢ τᵢ),  [μᵢ, log τᵢ] = Wᵢxᵢ + bᵢ.
 *
 * The paper's networks give log σᵢ² = −log τᵢ. A modality that is unsure of an element leaves it to
 * the others. Where an example lacks modalities (`present`), the product is of those that it has; of
 * none, z is the prior's mean, 0.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, gives z, `[batch, width]`. The widths may differ.
 *
 * Source: Wu and Goodman, Multimodal generative models for scalable weakly-supervised learning
 * (2018); Hinton, Training products of experts by minimizing contrastive divergence (2002).
 *
 * @throws ChainruleError `OPTION` where a width is not a positive integer; from `apply`, `MODALITY`
 * where a modality is missing, `SHAPE` where a width is not the one declared, `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { productOfExperts } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = productOfExperts({ widths: { image: 2, text: 3 }, width: 4 });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, 4, 5]]) },
 * });
 * z.shape; // [1, 4]
 */
export function productOfExperts({
  widths: given,
  width = Math.max(...Object.values(given)),
}: ProductOfExpertsOptions): Fusion<ProductOfExpertsParams, ProductOfExpertsConfig> {
  const where = 'fusion.productOfExperts';
  const { names, widths, available } = modalities(where, given);
  checkPositiveInteger(where, 'width', width);
  const experts = projections({ names, widths }, 2 * width);
  return {
    config: { type: 'productOfExperts', widths, width },
    width,
    acceptsMissing: true,
    init: (key) => experts.init(key),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const { vectors, present } = available(embeddings);
        const gaussians = experts.apply(params, vectors).map((x) => tf.split(x, 2, 1));
        const means = gaussians.map(([mean]) => mean as tf.Tensor2D);
        const precisions = gaussians.map(([, log]) => log as tf.Tensor2D);
        const held =
          present === undefined
            ? precisions
            : presentColumns(present).map((p, i) =>
                tf.add<tf.Tensor2D>(precisions[i]!, tf.mul(tf.sub(1, p), LOWEST)),
              );
        // τᵢ / (1 + Σⱼ τⱼ) is a softmax of logarithms, in which the prior's is 0: nothing overflows.
        const shares = softmaxAcross([...held, tf.zerosLike(held[0]!)]);
        return means
          .map((mean, i) => tf.mul<tf.Tensor2D>(mean, shares[i]!))
          .reduce((z, x) => tf.add(z, x));
      }),
  };
}
