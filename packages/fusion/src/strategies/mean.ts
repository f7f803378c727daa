import { type ElementwiseOptions, type ElementwiseParams, elementwise } from '../elementwise.js';
import { maskedMean } from '../missing.js';
import type { Fusion, FusionConfig } from '../types.js';

export type MeanParams = ElementwiseParams;
export type MeanConfig = FusionConfig<'mean'>;

/**
 * Element-wise mean.
 *
 * z = (1/n) Σᵢ xᵢ for n modalities.
 *
 * The size of z does not grow with the number of modalities; otherwise as {@link sum}.
 *
 * Where an example lacks modalities (`present`), the mean is over those that it has; of none it is 0.
 *
 * Source: Keras `layers.Average`.
 *
 * Shapes: one vector a modality, each `[batch, width]`, gives z, `[batch, width]`. It has no
 * parameters; with `width` set each modality is projected linearly to it first,
 * xᵢ ← Wᵢxᵢ + bᵢ, so the encoders' widths may differ.
 *
 * @throws ChainruleError `OPTION` where the widths differ and `width` is not set; from `apply`,
 * `MODALITY` where a modality is missing, `SHAPE` where a width is not the one declared,
 * `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { mean } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = mean({ widths: { image: 2, text: 2 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, -4]]) },
 * });
 * z.print(); // [[2, -1]]
 */
export function mean(options: ElementwiseOptions): Fusion<MeanParams, MeanConfig> {
  return elementwise('mean', options, maskedMean, true);
}
