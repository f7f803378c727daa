import { ChainruleError, checkPositiveInteger, checkRate, dropout, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { multiplied, powerNormalize, sumPool } from '../factors.js';
import { modalities } from '../modalities.js';
import { type Projections, projections } from '../projections.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface MfhOptions extends FusionOptions {
  /** How many blocks are cascaded, p in the paper; default 2. */
  readonly order?: number;
  /** How many products are summed to an element, k in the paper; default 5. */
  readonly factors?: number;
  /** The width of z, a multiple of `order`. Default: `order` times the widest modality's. */
  readonly width?: number;
  /** Dropout rate of the products, in training; default 0.1. */
  readonly dropout?: number;
  /** Power and ℓ² normalisation of each block's output; default true. */
  readonly normalize?: boolean;
}
export type MfhParams = {
  /** Of each block, Uᵢ and their biases, `[widthᵢ, factors · width / order]`. */
  readonly blocks: readonly Projections[];
};
export type MfhConfig = {
  readonly type: 'mfh';
  readonly widths: Widths;
  readonly order: number;
  readonly factors: number;
  readonly width: number;
  readonly dropout: number;
  readonly normalize: boolean;
};

/**
 * Multimodal factorised high-order pooling (MFH): a cascade of `mfb` blocks, each of which
 * multiplies its products with those of the block before, so that block q is of order 2q.
 *
 * eᵠ = eᵠ⁻¹ ⊙ dropout((U₁ᵠx₁ + b₁ᵠ) ⊙ … ⊙ (Uₙᵠxₙ + bₙᵠ)),  e⁰ = 1,
 * z = [N(SumPool(e¹)), …, N(SumPool(eᵖ))],
 *
 * where N is power and ℓ² normalisation, sign(p) √|p| divided by its length, or nothing without
 * `normalize`, and p the `order`.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, gives z, `[batch, width]`. The widths may differ.
 *
 * Source: Yu et al., Beyond bilinear: Generalized multimodal factorized high-order pooling for
 * visual question answering (2018).
 *
 * @throws ChainruleError `OPTION` where a width, `order` or `factors` is not a positive integer,
 * `width` no multiple of `order`, or `dropout` not in [0, 1); from `apply`, `MODALITY` where a
 * modality is missing, `SHAPE` where a width is not the one declared, `EMPTY_BATCH`, `MISSING_KEY`
 * when training with dropout without a key.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { mfh } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = mfh({ widths: { image: 2, text: 3 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, 4, 5]]) },
 * });
 * z.shape; // [1, 6]
 */
export function mfh({
  widths: given,
  order = 2,
  factors = 5,
  width = order * Math.max(...Object.values(given)),
  dropout: rate = 0.1,
  normalize = true,
}: MfhOptions): Fusion<MfhParams, MfhConfig> {
  const where = 'fusion.mfh';
  const { names, widths, vectors } = modalities(where, given);
  checkPositiveInteger(where, 'order', order);
  checkPositiveInteger(where, 'factors', factors);
  checkPositiveInteger(where, 'width', width);
  checkRate(where, 'dropout', rate);
  if (width % order !== 0) {
    throw new ChainruleError(
      'OPTION',
      `${where}: width must be a multiple of order, got width ${width} and order ${order}; ` +
        `take width ${Math.ceil(width / order) * order}`,
    );
  }
  const expand = projections({ names, widths }, (factors * width) / order);
  const blocks = Array.from({ length: order }, (_, q) => q);
  return {
    config: { type: 'mfh', widths, order, factors, width, dropout: rate, normalize },
    width,
    init: (key) => ({ blocks: blocks.map((q) => expand.init(split(key, q))) }),
    apply: (params, embeddings, context) =>
      tf.tidy(() => {
        const xs = vectors(embeddings);
        let before: tf.Tensor2D | undefined;
        const pooled = blocks.map((q) => {
          const products = multiplied(expand.apply(params.blocks[q]!, xs));
          const kept = dropout(products, rate, context, `dropout${q}`);
          before = before === undefined ? kept : tf.mul(before, kept);
          const sums = sumPool(before, factors);
          return normalize ? powerNormalize(sums) : sums;
        });
        return pooled.length === 1 ? pooled[0]! : tf.concat(pooled, 1);
      }),
  };
}
