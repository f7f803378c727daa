import { checkPositiveInteger, split, uniformInit } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { factorSum, withOne } from '../factors.js';
import { modalities } from '../modalities.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface LmfOptions extends FusionOptions {
  /** The rank R of the weight tensor; default 4. */
  readonly rank?: number;
  /** The width of z. Default: the widest modality's. */
  readonly width?: number;
}
/** Wᵢ, `[widthᵢ + 1, rank · width]`; column r · width + j is factor r of element j. */
export type LmfParams = { readonly [modality: string]: tf.Tensor2D };
export type LmfConfig = {
  readonly type: 'lmf';
  readonly widths: Widths;
  readonly rank: number;
  readonly width: number;
};

/**
 * Low-rank multimodal fusion (LMF): `tfn` followed by a linear layer whose weight tensor has rank
 * `rank`, so that the outer product never has to be computed.
 *
 * z = Σᵣ (W₁ʳ [x₁; 1]) ⊙ … ⊙ (Wₙʳ [xₙ; 1]).
 *
 * Parameters and time grow with the sum of the widths, not with their product. The appended 1s keep
 * the modalities alone and the products of some within reach.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, gives z, `[batch, width]`. The widths may differ.
 *
 * Source: Liu et al., Efficient low-rank multimodal fusion with modality-specific factors (2018).
 *
 * @throws ChainruleError `OPTION` where a width or `rank` is not a positive integer; from `apply`,
 * `MODALITY` where a modality is missing, `SHAPE` where a width is not the one declared,
 * `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { lmf } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = lmf({ widths: { image: 2, text: 3 }, width: 4 });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, 4, 5]]) },
 * });
 * z.shape; // [1, 4]
 */
export function lmf({
  widths: given,
  rank = 4,
  width = Math.max(...Object.values(given)),
}: LmfOptions): Fusion<LmfParams, LmfConfig> {
  const where = 'fusion.lmf';
  const { names, widths, vectors } = modalities(where, given);
  checkPositiveInteger(where, 'rank', rank);
  checkPositiveInteger(where, 'width', width);
  return {
    config: { type: 'lmf', widths, rank, width },
    width,
    init: (key) =>
      Object.fromEntries(
        names.map((name) => {
          const rows = widths[name]! + 1;
          // Glorot's limit for one factor.
          const initializer = uniformInit(Math.sqrt(6 / (rows + width)));
          return [name, initializer(split(key, name), [rows, rank * width]) as tf.Tensor2D];
        }),
      ),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const factors = vectors(embeddings).map((x, i) =>
          tf.matMul<tf.Tensor2D>(withOne(x), params[names[i]!]!),
        );
        return factorSum(factors, rank);
      }),
  };
}
