import { checkPositiveInteger, type MlpParams, mlp, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { maskedTotal } from '../missing.js';
import { modalities } from '../modalities.js';
import { aligned, type Projections } from '../projections.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface DeepSetOptions extends FusionOptions {
  /** The width of φ and ρ within. Default: the widest modality's. */
  readonly hidden?: number;
  /** The width of z. Default: the widest modality's. */
  readonly width?: number;
}
export type DeepSetParams = {
  /** Two layers, the same for all modalities. */
  readonly phi: MlpParams;
  /** Two layers. */
  readonly rho: MlpParams;
  readonly projections?: Projections;
};
export type DeepSetConfig = {
  readonly type: 'deepSet';
  readonly widths: Widths;
  readonly hidden: number;
  readonly width: number;
};

/**
 * Deep set: the modalities are a set, and one network sees each of them.
 *
 * z = ρ(Σᵢ φ(xᵢ)),  φ(x) = A₂ relu(A₁x + a₁) + a₂,  ρ(s) = B₂ relu(B₁s + b₁) + b₂.
 *
 * φ is shared, so with equal widths z does not tell which modality brought which vector: right for
 * views of one kind (several pictures of a thing). Where the widths differ, each modality is
 * projected linearly to the widest first, xᵢ ← Wᵢxᵢ + cᵢ, by which φ can tell them apart.
 *
 * Where an example lacks modalities (`present`), the sum is over those that it has.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, gives z, `[batch, width]`. The widths may differ.
 *
 * Source: Zaheer et al., Deep sets (2017).
 *
 * @throws ChainruleError `OPTION` where a width or `hidden` is not a positive integer; from `apply`,
 * `MODALITY` where a modality is missing, `SHAPE` where a width is not the one declared,
 * `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { deepSet } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = deepSet({ widths: { image: 2, text: 2 }, width: 4 });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, -4]]) },
 * });
 * z.shape; // [1, 4]
 */
export function deepSet({
  widths: given,
  hidden = Math.max(...Object.values(given)),
  width = Math.max(...Object.values(given)),
}: DeepSetOptions): Fusion<DeepSetParams, DeepSetConfig> {
  const where = 'fusion.deepSet';
  const { names, widths, available } = modalities(where, given);
  checkPositiveInteger(where, 'hidden', hidden);
  checkPositiveInteger(where, 'width', width);
  const { width: common, projection } = aligned({ names, widths });
  const phi = mlp({ in: common, hidden: [hidden], out: hidden });
  const rho = mlp({ in: hidden, hidden: [hidden], out: width });
  return {
    config: { type: 'deepSet', widths, hidden, width },
    width,
    acceptsMissing: true,
    init: (key) => ({
      phi: phi.init(split(key, 'phi')),
      rho: rho.init(split(key, 'rho')),
      ...(projection && { projections: projection.init(split(key, 'projections')) }),
    }),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const { vectors, present } = available(embeddings);
        const xs = projection ? projection.apply(params.projections!, vectors) : vectors;
        // One product for all modalities: they stand below each other.
        const all = phi.apply(params.phi, tf.concat([...xs], 0));
        const each = tf.split(all, names.length, 0) as tf.Tensor2D[];
        return rho.apply(params.rho, maskedTotal(each, present));
      }),
  };
}
