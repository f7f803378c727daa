import { checkPositiveInteger, checkRate, dropout } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { multiplied, powerNormalize, sumPool } from '../factors.js';
import { modalities } from '../modalities.js';
import { type Projections, projections } from '../projections.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface MfbOptions extends FusionOptions {
  /** How many products are summed to an element of z, k in the paper; default 5. */
  readonly factors?: number;
  /** The width of z. Default: the widest modality's. */
  readonly width?: number;
  /** Dropout rate of the products, in training; default 0.1. */
  readonly dropout?: number;
  /** Power and ℓ² normalisation of z; default true. */
  readonly normalize?: boolean;
}
/** Uᵢ and their biases, `[widthᵢ, factors · width]`; column r · width + j is factor r of element j. */
export type MfbParams = Projections;
export type MfbConfig = {
  readonly type: 'mfb';
  readonly widths: Widths;
  readonly factors: number;
  readonly width: number;
  readonly dropout: number;
  readonly normalize: boolean;
};

/**
 * Multimodal factorised bilinear pooling (MFB): expand both, multiply, and sum groups of `factors`
 * products. It is a bilinear form of rank `factors` for each element of z.
 *
 * p = SumPool(dropout((U₁x₁ + b₁) ⊙ … ⊙ (Uₙxₙ + bₙ)), factors),
 * z = s / ‖s‖ with s = sign(p) √|p|, or z = p without `normalize`.
 *
 * The paper has two modalities; of more, all are multiplied. Normalised, z has length 1.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, gives z, `[batch, width]`. The widths may differ.
 *
 * Source: Yu et al., Multi-modal factorized bilinear pooling with co-attention learning for visual
 * question answering (2017). The root has 1e-8 added below it, so that its slope is finite.
 *
 * @throws ChainruleError `OPTION` where a width or `factors` is not a positive integer, or `dropout`
 * not in [0, 1); from `apply`, `MODALITY` where a modality is missing, `SHAPE` where a width is not
 * the one declared, `EMPTY_BATCH`, `MISSING_KEY` when training with dropout without a key.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { mfb } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = mfb({ widths: { image: 2, text: 3 }, width: 4 });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, 4, 5]]) },
 * });
 * z.shape; // [1, 4]
 */
export function mfb({
  widths: given,
  factors = 5,
  width = Math.max(...Object.values(given)),
  dropout: rate = 0.1,
  normalize = true,
}: MfbOptions): Fusion<MfbParams, MfbConfig> {
  const where = 'fusion.mfb';
  const { names, widths, vectors } = modalities(where, given);
  checkPositiveInteger(where, 'width', width);
  checkPositiveInteger(where, 'factors', factors);
  checkRate(where, 'dropout', rate);
  const expand = projections({ names, widths }, factors * width);
  return {
    config: { type: 'mfb', widths, factors, width, dropout: rate, normalize },
    width,
    init: (key) => expand.init(key),
    apply: (params, embeddings, context) =>
      tf.tidy(() => {
        const products = multiplied(expand.apply(params, vectors(embeddings)));
        const pooled = sumPool(dropout(products, rate, context), factors);
        return normalize ? powerNormalize(pooled) : pooled;
      }),
  };
}
