import { type ElementwiseOptions, type ElementwiseParams, elementwise } from '../elementwise.js';
import { maskedMax } from '../missing.js';
import type { Fusion, FusionConfig } from '../types.js';

export type MaxParams = ElementwiseParams;
export type MaxConfig = FusionConfig<'max'>;

/**
 * Element-wise maximum.
 *
 * z = max(x₁, …, xₙ), element by element.
 *
 * Each element sends its gradient to the modality that won it; where several tie, to the one
 * whose name comes first in the alphabet.
 *
 * Where an example lacks modalities (`present`), the maximum is over those that it has; of none it is 0.
 *
 * Source: Keras `layers.Maximum`; as max-pooling over views, Su et al., Multi-view convolutional
 * neural networks (2015).
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
 * import { max } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = max({ widths: { image: 2, text: 2 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, -4]]) },
 * });
 * z.print(); // [[3, 2]]
 */
export function max(options: ElementwiseOptions): Fusion<MaxParams, MaxConfig> {
  return elementwise('max', options, maskedMax, true);
}
