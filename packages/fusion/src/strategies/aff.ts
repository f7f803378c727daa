import { checkPositive, checkPositiveInteger, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { type SelectionParams, selection } from '../attentional.js';
import { maskedTotal } from '../missing.js';
import { modalities } from '../modalities.js';
import { aligned, type Projections } from '../projections.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface AffOptions extends FusionOptions {
  /** The attention's inner width is that of z divided by this, rounded up; default 4. */
  readonly reduction?: number;
  /**
   * Project each modality linearly to this width first. Default: no projection where the widths are
   * equal, otherwise to the widest.
   */
  readonly width?: number;
}
export type AffParams = {
  readonly attention: SelectionParams;
  readonly projections?: Projections;
};
export type AffConfig = {
  readonly type: 'aff';
  readonly widths: Widths;
  readonly reduction: number;
  readonly width?: number;
};

/**
 * Attentional feature fusion (AFF): attention on the sum of the modalities selects, element by
 * element, which of them counts.
 *
 * z = M ⊙ x₁ + (1 − M) ⊙ x₂,  M = σ(L(x₁ + x₂) + G(x₁ + x₂)),
 *
 * where modality 1 is the first in alphabetical order and both branches of the multi-scale channel
 * attention are BN(B relu(BN(A s))). In the paper L looks at each place of a feature map and G at
 * their average; a vector has one place, so here both see the same. Of more than two modalities each
 * has an attention aᵢ = L_i(Σⱼ xⱼ) + G_i(Σⱼ xⱼ), and z = Σᵢ softmaxᵢ(a) ⊙ xᵢ, of which the above
 * is the case of two.
 *
 * BN is batch normalisation, so in training a batch needs two examples or more.
 *
 * Shapes: one vector a modality, each `[batch, width]`, gives z, `[batch, width]`. Modalities of
 * different widths, or all with `width` set, are projected linearly first, xᵢ ← Wᵢxᵢ + bᵢ.
 *
 * Source: Dai et al., Attentional feature fusion (2021).
 *
 * @throws ChainruleError `OPTION` where there are fewer than two modalities, a width is not a
 * positive integer or `reduction` not positive; from `apply`, `MODALITY` where a modality is
 * missing, `SHAPE` where a width is not the one declared or a training batch has one example,
 * `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { aff } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = aff({ widths: { image: 2, text: 2 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, -4]]) },
 * });
 * z.shape; // [1, 2]
 */
export function aff({
  widths: given,
  reduction = 4,
  width,
}: AffOptions): Fusion<AffParams, AffConfig> {
  const where = 'fusion.aff';
  const { names, widths, vectors } = modalities(where, given, 2);
  checkPositive(where, 'reduction', reduction);
  if (width !== undefined) checkPositiveInteger(where, 'width', width);
  const { width: out, projection } = aligned({ names, widths }, width);
  const select = selection(names, out, reduction);
  return {
    config: { type: 'aff', widths, reduction, ...(width === undefined ? {} : { width }) },
    width: out,
    init: (key) => ({
      attention: select.init(split(key, 'attention')),
      ...(projection && { projections: projection.init(split(key, 'projections')) }),
    }),
    apply: (params, embeddings, context) =>
      tf.tidy(() => {
        const given = vectors(embeddings);
        const xs = projection ? projection.apply(params.projections!, given) : given;
        return select.apply(params.attention, maskedTotal(xs), xs, context);
      }),
  };
}
