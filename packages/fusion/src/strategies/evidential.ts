import { ChainruleError, checkPositiveInteger } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { multiplied } from '../factors.js';
import { presentColumns } from '../missing.js';
import { modalities } from '../modalities.js';
import { type Projections, projections } from '../projections.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface EvidentialOptions extends FusionOptions {
  /** `logProbability`, what a cross-entropy takes, or `evidence`; default `logProbability`. */
  readonly output?: 'logProbability' | 'evidence';
  /** The width of z: the number K of classes. Default: the widest modality's width. */
  readonly width?: number;
}
/** Wᵢ and bᵢ, `[widthᵢ, width]`. */
export type EvidentialParams = Projections;
export type EvidentialConfig = {
  readonly type: 'evidential';
  readonly widths: Widths;
  readonly output: 'logProbability' | 'evidence';
  readonly width: number;
};

/**
 * Evidential fusion (trusted multi-view classification, TMC): each modality gives evidence for each
 * class, that is a Dirichlet distribution, and Dempster's rule combines them.
 *
 * eᵢ = softplus(Wᵢxᵢ + bᵢ),  e = e₁ ⊕ … ⊕ eₙ,  z = log((e + 1) / S),  S = K + Σₖ eₖ,
 *
 * or z = e with `output: 'evidence'`. With beliefs bᵢ = eᵢ/Sᵢ and uncertainties uᵢ = K/Sᵢ the rule is
 * b ∝ b₁b₂ + b₁u₂ + b₂u₁, u ∝ u₁u₂, which in evidence is 1 + e/K = ∏ᵢ (1 + eᵢ/K), and so computed.
 * z are the logarithms of the expected probabilities: they sum to 1, so a softmax cross-entropy on z
 * is −log E[p]. Set `width` to the number of classes and use a head that leaves z as it is. The
 * uncertainty of an example is K/S, from the evidence.
 *
 * Where an example lacks modalities (`present`), they give no evidence, eᵢ = 0.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, gives z, `[batch, width]`. The widths may differ.
 *
 * Source: Han et al., Trusted multi-view classification (2021).
 *
 * @throws ChainruleError `OPTION` where a width is not a positive integer, or for another `output`;
 * from `apply`, `MODALITY` where a modality is missing, `SHAPE` where a width is not the one
 * declared, `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { evidential } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = evidential({ widths: { image: 2, text: 3 }, width: 10 });
 * const logProbabilities = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, 4, 5]]) },
 * });
 * tf.sum(tf.exp(logProbabilities)).print(); // 1
 */
export function evidential({
  widths: given,
  output = 'logProbability',
  width = Math.max(...Object.values(given)),
}: EvidentialOptions): Fusion<EvidentialParams, EvidentialConfig> {
  const where = 'fusion.evidential';
  const { names, widths, available } = modalities(where, given);
  checkPositiveInteger(where, 'width', width);
  if (output !== 'logProbability' && output !== 'evidence') {
    throw new ChainruleError(
      'OPTION',
      `${where}: output must be logProbability or evidence, got "${output as string}"`,
    );
  }
  const classifiers = projections({ names, widths }, width);
  return {
    config: { type: 'evidential', widths, output, width },
    width,
    acceptsMissing: true,
    init: (key) => classifiers.init(key),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const { vectors, present } = available(embeddings);
        const columns = present && presentColumns(present);
        const factors = classifiers.apply(params, vectors).map((x, i) => {
          const evidence = tf.softplus(x);
          const given = columns ? tf.mul(evidence, columns[i]!) : evidence;
          return tf.add<tf.Tensor2D>(tf.mul(given, 1 / width), 1);
        });
        const evidence = tf.mul<tf.Tensor2D>(tf.sub(multiplied(factors), 1), width);
        if (output === 'evidence') return evidence;
        const strength = tf.add(tf.sum(evidence, 1, true), width);
        return tf.log(tf.div(tf.add(evidence, 1), strength)) as tf.Tensor2D;
      }),
  };
}
