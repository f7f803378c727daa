import {
  checkPositive,
  checkPositiveInteger,
  type DenseParams,
  dense,
  split,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { modalities } from '../modalities.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface MmtmOptions extends FusionOptions {
  /** The joint representation is Σ widthᵢ / reduction wide, rounded up; default 4. */
  readonly reduction?: number;
  /** Follow with a dense layer to this width. Default: none, and z is Σᵢ widthᵢ wide. */
  readonly width?: number;
}
export type MmtmParams = {
  /** W, `[Σ widthᵢ, Σ widthᵢ / reduction]`. */
  readonly squeeze: DenseParams;
  /** All Vᵢ side by side, in alphabetical order: `[Σ widthᵢ / reduction, Σ widthᵢ]`. */
  readonly excite: DenseParams;
  /** Where `width` is set. */
  readonly dense?: DenseParams;
};
export type MmtmConfig = {
  readonly type: 'mmtm';
  readonly widths: Widths;
  readonly reduction: number;
  readonly width?: number;
};

/**
 * Squeeze-and-excitation gating (multimodal transfer module, MMTM): all modalities together decide
 * which features of each are emphasised and which suppressed.
 *
 * s = relu(W [x₁, …, xₙ] + b),  eᵢ = Vᵢ s + cᵢ,  z = [2σ(e₁) ⊙ x₁, …, 2σ(eₙ) ⊙ xₙ],
 *
 * or a dense layer of that with `width` set. The gates lie between 0 and 2, so that a feature can
 * pass as it is. The paper squeezes feature maps by averaging over their places; a vector is what
 * that average gives. The ReLU is that of its reference implementation.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, gives z, `[batch, Σ widthᵢ]` or
 * `[batch, width]`. The widths may differ.
 *
 * Source: Joze et al., MMTM: Multimodal transfer module for CNN fusion (2020).
 *
 * @throws ChainruleError `OPTION` where a width is not a positive integer or `reduction` not
 * positive; from `apply`, `MODALITY` where a modality is missing, `SHAPE` where a width is not the
 * one declared, `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { mmtm } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = mmtm({ widths: { image: 2, text: 3 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, 4, 5]]) },
 * });
 * z.shape; // [1, 5]
 */
export function mmtm({
  widths: given,
  reduction = 4,
  width,
}: MmtmOptions): Fusion<MmtmParams, MmtmConfig> {
  const where = 'fusion.mmtm';
  const { names, widths, vectors } = modalities(where, given);
  checkPositive(where, 'reduction', reduction);
  if (width !== undefined) checkPositiveInteger(where, 'width', width);
  const sum = names.reduce((sum, name) => sum + widths[name]!, 0);
  const joint = Math.ceil(sum / reduction);
  const squeeze = dense({ in: sum, out: joint, activation: 'relu' });
  const excite = dense({ in: joint, out: sum, activation: 'sigmoid' });
  const layer = width === undefined ? undefined : dense({ in: sum, out: width });
  return {
    config: { type: 'mmtm', widths, reduction, ...(width === undefined ? {} : { width }) },
    width: width ?? sum,
    init: (key) => ({
      squeeze: squeeze.init(split(key, 'squeeze')),
      excite: excite.init(split(key, 'excite')),
      ...(layer && { dense: layer.init(split(key, 'dense')) }),
    }),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const x = tf.concat(vectors(embeddings), 1);
        const gates = excite.apply(params.excite, squeeze.apply(params.squeeze, x));
        const gated = tf.mul<tf.Tensor2D>(tf.mul(gates, 2), x);
        return layer ? layer.apply(params.dense!, gated) : gated;
      }),
  };
}
