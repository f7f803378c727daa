import * as tf from '@tensorflow/tfjs-core';
import { type ElementwiseOptions, type ElementwiseParams, elementwise } from '../elementwise.js';
import type { Fusion, FusionConfig } from '../types.js';

export type ProductParams = ElementwiseParams;
export type ProductConfig = FusionConfig<'product'>;

/**
 * Element-wise (Hadamard) product.
 *
 * z = x₁ ⊙ x₂ ⊙ … ⊙ xₙ.
 *
 * The simplest multiplicative interaction: each modality gates the others, ∂z/∂xᵢ = Πⱼ≠ᵢ xⱼ. It
 * suits questions about pictures well. With `width` set it is the low-rank bilinear pooling of
 * Kim et al. without its non-linearity.
 *
 * Source: Antol et al., VQA: Visual question answering (2015); Kim et al., Hadamard product for
 * low-rank bilinear pooling (2017).
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
 * import { product } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = product({ widths: { image: 2, text: 2 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, -4]]) },
 * });
 * z.print(); // [[3, -8]]
 */
export function product(options: ElementwiseOptions): Fusion<ProductParams, ProductConfig> {
  return elementwise('product', options, (xs) => xs.reduce((z, x) => tf.mul(z, x)));
}
