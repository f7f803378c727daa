import { checkPositive, checkPositiveInteger, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { type SelectionParams, selection } from '../attentional.js';
import { maskedTotal } from '../missing.js';
import { modalities } from '../modalities.js';
import { aligned, type Projections } from '../projections.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface IaffOptions extends FusionOptions {
  /** The attention's inner width is that of z divided by this, rounded up; default 4. */
  readonly reduction?: number;
  /**
   * Project each modality linearly to this width first. Default: no projection where the widths are
   * equal, otherwise to the widest.
   */
  readonly width?: number;
}
export type IaffParams = {
  /** On the sum. */
  readonly first: SelectionParams;
  /** On what the first selected. */
  readonly second: SelectionParams;
  readonly projections?: Projections;
};
export type IaffConfig = {
  readonly type: 'iaff';
  readonly widths: Widths;
  readonly reduction: number;
  readonly width?: number;
};

/**
 * Iterative attentional feature fusion (iAFF): `aff` twice, where the attention that selects is on
 * what a first selection gave, in place of the bare sum.
 *
 * y = M₁ ⊙ x₁ + (1 − M₁) ⊙ x₂,  M₁ = σ(L₁(x₁ + x₂) + G₁(x₁ + x₂)),
 * z = M₂ ⊙ x₁ + (1 − M₂) ⊙ x₂,  M₂ = σ(L₂(y) + G₂(y)).
 *
 * Branches, batch normalisation and more than two modalities are those of `aff`.
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
 * import { iaff } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = iaff({ widths: { image: 2, text: 2 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, -4]]) },
 * });
 * z.shape; // [1, 2]
 */
export function iaff({
  widths: given,
  reduction = 4,
  width,
}: IaffOptions): Fusion<IaffParams, IaffConfig> {
  const where = 'fusion.iaff';
  const { names, widths, vectors } = modalities(where, given, 2);
  checkPositive(where, 'reduction', reduction);
  if (width !== undefined) checkPositiveInteger(where, 'width', width);
  const { width: out, projection } = aligned({ names, widths }, width);
  const select = selection(names, out, reduction);
  return {
    config: { type: 'iaff', widths, reduction, ...(width === undefined ? {} : { width }) },
    width: out,
    init: (key) => ({
      first: select.init(split(key, 'first')),
      second: select.init(split(key, 'second')),
      ...(projection && { projections: projection.init(split(key, 'projections')) }),
    }),
    apply: (params, embeddings, context) =>
      tf.tidy(() => {
        const given = vectors(embeddings);
        const xs = projection ? projection.apply(params.projections!, given) : given;
        const selected = select.apply(params.first, maskedTotal(xs), xs, context);
        return select.apply(params.second, selected, xs, context);
      }),
  };
}
