import { checkPositiveInteger, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { factorSum } from '../factors.js';
import { modalities } from '../modalities.js';
import { type Projections, projections } from '../projections.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface MutanOptions extends FusionOptions {
  /** The width t of the projected modalities. Default: the widest modality's. */
  readonly hidden?: number;
  /** The rank R of each slice of the core tensor; default 10. */
  readonly rank?: number;
  /** The width of z. Default: the widest modality's. */
  readonly width?: number;
}
export type MutanParams = {
  /** Wᵢ and their biases, `[widthᵢ, hidden]`. */
  readonly projections: Projections;
  /** Mᵢ and their biases, `[hidden, rank · width]`; column r · width + j is term r of element j. */
  readonly core: Projections;
};
export type MutanConfig = {
  readonly type: 'mutan';
  readonly widths: Widths;
  readonly hidden: number;
  readonly rank: number;
  readonly width: number;
};

/**
 * MUTAN: a Tucker decomposition of the bilinear form, whose core tensor has slices of rank `rank`.
 *
 * hᵢ = tanh(Wᵢxᵢ + aᵢ),  z = Σᵣ (M₁ʳh₁ + b₁ʳ) ⊙ … ⊙ (Mₙʳhₙ + bₙʳ).
 *
 * The decomposition's last factor, from z to the answers, is the head that follows. The paper has
 * two modalities; of more, all are multiplied.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, gives z, `[batch, width]`. The widths may differ.
 *
 * Source: Ben-younes et al., MUTAN: Multimodal Tucker fusion for visual question answering (2017).
 *
 * @throws ChainruleError `OPTION` where a width, `hidden` or `rank` is not a positive integer; from
 * `apply`, `MODALITY` where a modality is missing, `SHAPE` where a width is not the one declared,
 * `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { mutan } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = mutan({ widths: { image: 2, text: 3 }, width: 4 });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, 4, 5]]) },
 * });
 * z.shape; // [1, 4]
 */
export function mutan({
  widths: given,
  hidden = Math.max(...Object.values(given)),
  rank = 10,
  width = Math.max(...Object.values(given)),
}: MutanOptions): Fusion<MutanParams, MutanConfig> {
  const where = 'fusion.mutan';
  const { names, widths, vectors } = modalities(where, given);
  checkPositiveInteger(where, 'hidden', hidden);
  checkPositiveInteger(where, 'rank', rank);
  checkPositiveInteger(where, 'width', width);
  const project = projections({ names, widths }, hidden, { activation: 'tanh' });
  const projected = Object.fromEntries(names.map((name) => [name, hidden]));
  const core = projections({ names, widths: projected }, rank * width);
  return {
    config: { type: 'mutan', widths, hidden, rank, width },
    width,
    init: (key) => ({
      projections: project.init(split(key, 'projections')),
      core: core.init(split(key, 'core')),
    }),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const hiddens = project.apply(params.projections, vectors(embeddings));
        return factorSum(core.apply(params.core, hiddens), rank);
      }),
  };
}
