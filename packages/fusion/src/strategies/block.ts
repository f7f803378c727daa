import {
  checkPositiveInteger,
  type DenseParams,
  dense,
  split,
  uniformInit,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { factorSum, powerNormalize } from '../factors.js';
import { modalities } from '../modalities.js';
import { type Projections, projections } from '../projections.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface BlockOptions extends FusionOptions {
  /** The number C of blocks on the core tensor's diagonal; default 20. */
  readonly blocks?: number;
  /** The width of a block. Default: the widest modality's divided by `blocks`, rounded up. */
  readonly blockWidth?: number;
  /** The rank R of each slice of a block; default 15. */
  readonly rank?: number;
  /** The width of z. Default: the widest modality's. */
  readonly width?: number;
}
/** M and b of all blocks, `[blocks, blockWidth, rank · blockWidth]`, `[blocks, 1, rank · blockWidth]`. */
export type BlockCore = { readonly kernel: tf.Tensor3D; readonly bias: tf.Tensor3D };
export type BlockParams = {
  /** Uᵢ and their biases, `[widthᵢ, blocks · blockWidth]`. */
  readonly projections: Projections;
  readonly core: { readonly [modality: string]: BlockCore };
  /** P and its bias, `[blocks · blockWidth, width]`. */
  readonly dense: DenseParams;
};
export type BlockConfig = {
  readonly type: 'block';
  readonly widths: Widths;
  readonly blocks: number;
  readonly blockWidth: number;
  readonly rank: number;
  readonly width: number;
};

/**
 * BLOCK: a block-superdiagonal tensor decomposition of the bilinear form. The projected vectors are
 * cut in `blocks`; each block of one meets only its counterpart, in a form of rank `rank`.
 *
 * hᵢ = Uᵢxᵢ + aᵢ,  p_c = Σᵣ (M₁꜀ʳ h₁꜀ + b₁꜀ʳ) ⊙ … ⊙ (Mₙ꜀ʳ hₙ꜀ + bₙ꜀ʳ),
 * z = P [N(p₁), …, N(p_C)] + d,
 *
 * where N is power and ℓ² normalisation of a block, sign(p) √|p| divided by its length. The paper
 * has two modalities; of more, all are multiplied.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, gives z, `[batch, width]`. The widths may differ.
 *
 * Source: Ben-younes et al., BLOCK: Bilinear superdiagonal fusion for visual question answering and
 * visual relationship detection (2019).
 *
 * @throws ChainruleError `OPTION` where a size is not a positive integer; from `apply`, `MODALITY`
 * where a modality is missing, `SHAPE` where a width is not the one declared, `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { block } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = block({ widths: { image: 2, text: 3 }, blocks: 2, rank: 3 });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, 4, 5]]) },
 * });
 * z.shape; // [1, 3]
 */
export function block({
  widths: given,
  blocks = 20,
  blockWidth = Math.ceil(Math.max(...Object.values(given)) / blocks),
  rank = 15,
  width = Math.max(...Object.values(given)),
}: BlockOptions): Fusion<BlockParams, BlockConfig> {
  const where = 'fusion.block';
  const { names, widths, vectors } = modalities(where, given);
  checkPositiveInteger(where, 'blocks', blocks);
  checkPositiveInteger(where, 'blockWidth', blockWidth);
  checkPositiveInteger(where, 'rank', rank);
  checkPositiveInteger(where, 'width', width);
  const hidden = blocks * blockWidth;
  const terms = rank * blockWidth;
  const project = projections({ names, widths }, hidden);
  const layer = dense({ in: hidden, out: width });
  // Glorot's limit for one block.
  const initializer = uniformInit(Math.sqrt(6 / (blockWidth + terms)));
  return {
    config: { type: 'block', widths, blocks, blockWidth, rank, width },
    width,
    init: (key) => ({
      projections: project.init(split(key, 'projections')),
      core: Object.fromEntries(
        names.map((name) => [
          name,
          {
            kernel: initializer(split(split(key, 'core'), name), [
              blocks,
              blockWidth,
              terms,
            ]) as tf.Tensor3D,
            bias: tf.zeros([blocks, 1, terms]) as tf.Tensor3D,
          },
        ]),
      ),
      dense: layer.init(split(key, 'dense')),
    }),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const projected = project.apply(params.projections, vectors(embeddings));
        const batch = projected[0]!.shape[0];
        // Blocks first, so that one batched product serves all: [blocks, batch, blockWidth].
        const factors = projected.map((h, i) => {
          const { kernel, bias } = params.core[names[i]!]!;
          const cut = tf.transpose(tf.reshape(h, [batch, blocks, blockWidth]), [1, 0, 2]);
          const terms = tf.add(tf.matMul(cut, kernel), bias);
          return tf.reshape<tf.Rank.R2>(terms, [blocks * batch, rank * blockWidth]);
        });
        const pooled = powerNormalize(factorSum(factors, rank));
        const normalized = tf.reshape(pooled, [blocks, batch, blockWidth]);
        const together = tf.reshape(tf.transpose(normalized, [1, 0, 2]), [batch, hidden]);
        return layer.apply(params.dense, together as tf.Tensor2D);
      }),
  };
}
