import { checkPositiveInteger, type DenseParams, dense, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { maskedSoftmax } from '../missing.js';
import { modalities } from '../modalities.js';
import { type Projections, projections } from '../projections.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface MixtureOfExpertsOptions extends FusionOptions {
  /** How many experts each modality has; default 2. */
  readonly experts?: number;
  /** The width of z. Default: the widest modality's. */
  readonly width?: number;
}
export type MixtureOfExpertsParams = {
  /** Of all a modality's experts, side by side: `[widthᵢ, experts · width]`. */
  readonly experts: Projections;
  /** V and c, `[Σ widthᵢ, modalities · experts]`. */
  readonly gate: DenseParams;
};
export type MixtureOfExpertsConfig = {
  readonly type: 'mixtureOfExperts';
  readonly widths: Widths;
  readonly experts: number;
  readonly width: number;
};

/**
 * Mixture of experts: each modality has its own experts, and a gate that sees all modalities weighs
 * them for each example.
 *
 * z = Σᵢₖ gᵢₖ relu(Wᵢₖxᵢ + bᵢₖ),  g = softmax(V [x₁, …, xₙ] + c) over all experts.
 *
 * All experts are computed: it is a dense mixture, without a loss that balances their load. Where an
 * example lacks modalities (`present`), the softmax is over the experts of those that it has, and
 * the gate sees zeros for the others; of none, z is 0.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, gives z, `[batch, width]`. The widths may differ.
 *
 * Source: Jacobs et al., Adaptive mixtures of local experts (1991).
 *
 * @throws ChainruleError `OPTION` where a width or `experts` is not a positive integer; from `apply`,
 * `MODALITY` where a modality is missing, `SHAPE` where a width is not the one declared,
 * `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { mixtureOfExperts } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = mixtureOfExperts({ widths: { image: 2, text: 3 }, width: 4 });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, 4, 5]]) },
 * });
 * z.shape; // [1, 4]
 */
export function mixtureOfExperts({
  widths: given,
  experts: count = 2,
  width = Math.max(...Object.values(given)),
}: MixtureOfExpertsOptions): Fusion<MixtureOfExpertsParams, MixtureOfExpertsConfig> {
  const where = 'fusion.mixtureOfExperts';
  const { names, widths, available } = modalities(where, given);
  checkPositiveInteger(where, 'experts', count);
  checkPositiveInteger(where, 'width', width);
  const all = names.length * count;
  const sum = names.reduce((sum, name) => sum + widths[name]!, 0);
  const experts = projections({ names, widths }, count * width, { activation: 'relu' });
  const gate = dense({ in: sum, out: all });
  return {
    config: { type: 'mixtureOfExperts', widths, experts: count, width },
    width,
    acceptsMissing: true,
    init: (key) => ({
      experts: experts.init(split(key, 'experts')),
      gate: gate.init(split(key, 'gate')),
    }),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const { vectors, present } = available(embeddings);
        const batch = vectors[0]!.shape[0];
        const opinions = tf.concat([...experts.apply(params.experts, vectors)], 1);
        const mask =
          present &&
          tf.reshape(tf.tile(tf.reshape(present, [batch, names.length, 1]), [1, 1, count]), [
            batch,
            all,
          ]);
        const weights = maskedSoftmax(
          gate.apply(params.gate, tf.concat([...vectors], 1) as tf.Tensor2D),
          mask,
        );
        const z = tf.matMul(
          tf.reshape(weights, [batch, 1, all]),
          tf.reshape(opinions, [batch, all, width]),
        );
        return tf.reshape(z, [batch, width]) as tf.Tensor2D;
      }),
  };
}
