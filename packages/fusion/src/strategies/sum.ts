import { type ElementwiseOptions, type ElementwiseParams, elementwise } from '../elementwise.js';
import { maskedTotal } from '../missing.js';
import type { Fusion, FusionConfig } from '../types.js';

export type SumParams = ElementwiseParams;
export type SumConfig = FusionConfig<'sum'>;

/**
 * Element-wise sum, the simplest fusion there is.
 *
 * z = Σᵢ xᵢ, for two modalities z = x + y.
 *
 * Each modality receives the gradient of z as it is, ∂L/∂xᵢ = ∂L/∂z. A linear head after it can
 * not see which combination of modalities occurred (the XOR of two linear features is out of
 * reach): the interaction has to come from what follows.
 *
 * Where an example lacks modalities (`present`), the sum is over those that it has; of none it is 0.
 *
 * Source: Keras `layers.Add`.
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
 * import { sum } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = sum({ widths: { image: 2, text: 2 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, -4]]) },
 * });
 * z.print(); // [[4, -2]]
 */
export function sum(options: ElementwiseOptions): Fusion<SumParams, SumConfig> {
  return elementwise('sum', options, maskedTotal, true);
}
