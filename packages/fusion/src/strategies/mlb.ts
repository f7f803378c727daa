import { checkPositiveInteger, type DenseParams, dense, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { multiplied } from '../factors.js';
import { modalities } from '../modalities.js';
import { type Projections, projections } from '../projections.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface MlbOptions extends FusionOptions {
  /** The rank d of the bilinear forms. Default: `width`. */
  readonly rank?: number;
  /** The width of z. Default: the widest modality's. */
  readonly width?: number;
}
export type MlbParams = {
  /** Uᵢ and their biases, `[widthᵢ, rank]`. */
  readonly projections: Projections;
  /** P and its bias, `[rank, width]`. */
  readonly dense: DenseParams;
};
export type MlbConfig = {
  readonly type: 'mlb';
  readonly widths: Widths;
  readonly rank: number;
  readonly width: number;
};

/**
 * Multimodal low-rank bilinear pooling (MLB): a bilinear form whose matrices have a common low rank.
 *
 * z = P (tanh(U₁x₁ + b₁) ⊙ … ⊙ tanh(Uₙxₙ + bₙ)) + c.
 *
 * The paper has two modalities; of more, all are multiplied.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, gives z, `[batch, width]`. The widths may differ.
 *
 * Source: Kim et al., Hadamard product for low-rank bilinear pooling (2017).
 *
 * @throws ChainruleError `OPTION` where a width or `rank` is not a positive integer; from `apply`,
 * `MODALITY` where a modality is missing, `SHAPE` where a width is not the one declared,
 * `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { mlb } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = mlb({ widths: { image: 2, text: 3 }, rank: 8 });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, 4, 5]]) },
 * });
 * z.shape; // [1, 3]
 */
export function mlb({
  widths: given,
  width = Math.max(...Object.values(given)),
  rank = width,
}: MlbOptions): Fusion<MlbParams, MlbConfig> {
  const where = 'fusion.mlb';
  const { names, widths, vectors } = modalities(where, given);
  checkPositiveInteger(where, 'width', width);
  checkPositiveInteger(where, 'rank', rank);
  const project = projections({ names, widths }, rank, { activation: 'tanh' });
  const layer = dense({ in: rank, out: width });
  return {
    config: { type: 'mlb', widths, rank, width },
    width,
    init: (key) => ({
      projections: project.init(split(key, 'projections')),
      dense: layer.init(split(key, 'dense')),
    }),
    apply: (params, embeddings) =>
      tf.tidy(() =>
        layer.apply(
          params.dense,
          multiplied(project.apply(params.projections, vectors(embeddings))),
        ),
      ),
  };
}
