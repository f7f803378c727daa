import { checkPositiveInteger, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { maskedSoftmax } from '../missing.js';
import { modalities } from '../modalities.js';
import { aligned, type Projections } from '../projections.js';
import type { Fusion, FusionConfig, FusionOptions } from '../types.js';

export interface WeightedOptions extends FusionOptions {
  /**
   * Project each modality linearly to this width first. Default: no projection where the widths are
   * equal, otherwise to the widest.
   */
  readonly width?: number;
}
export type WeightedParams = {
  /** a, `[modalities]`, in alphabetical order; it starts at 0, where all weigh the same. */
  readonly logits: tf.Tensor1D;
  readonly projections?: Projections;
};
export type WeightedConfig = FusionConfig<'weighted'>;

/**
 * Learned weights: a weighted mean of the modalities whose weights are trained, one a modality.
 *
 * z = Σᵢ wᵢ xᵢ,  w = softmax(a).
 *
 * The weights are the same for all examples; in `gated` and `mixtureOfExperts` they depend on the
 * example. Where an example lacks modalities (`present`), the softmax is over those that it has; of
 * none, z is 0.
 *
 * Shapes: one vector a modality, each `[batch, width]`, gives z, `[batch, width]`. Modalities of
 * different widths, or all with `width` set, are projected linearly first, xᵢ ← Wᵢxᵢ + bᵢ.
 *
 * Source: the scalar mix of Peters et al., Deep contextualized word representations (2018), over
 * modalities in place of layers.
 *
 * @throws ChainruleError `OPTION` where a width is not a positive integer; from `apply`, `MODALITY`
 * where a modality is missing, `SHAPE` where a width is not the one declared, `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { weighted } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = weighted({ widths: { image: 2, text: 2 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, -4]]) },
 * });
 * z.print(); // [[2, -1]], the mean, before training
 */
export function weighted({
  widths: given,
  width,
}: WeightedOptions): Fusion<WeightedParams, WeightedConfig> {
  const where = 'fusion.weighted';
  const { names, widths, available } = modalities(where, given);
  if (width !== undefined) checkPositiveInteger(where, 'width', width);
  const { width: out, projection } = aligned({ names, widths }, width);
  return {
    config: { type: 'weighted', widths, ...(width === undefined ? {} : { width }) },
    width: out,
    acceptsMissing: true,
    init: (key) => ({
      logits: tf.zeros([names.length]) as tf.Tensor1D,
      ...(projection && { projections: projection.init(split(key, 'projections')) }),
    }),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const { vectors, present } = available(embeddings);
        const xs = projection ? projection.apply(params.projections!, vectors) : vectors;
        const logits = tf.reshape(params.logits, [1, names.length]);
        const weights = tf.split(maskedSoftmax(logits, present), names.length, 1);
        return xs
          .map((x, i) => tf.mul(x, weights[i]!) as tf.Tensor2D)
          .reduce((z, x) => tf.add(z, x));
      }),
  };
}
