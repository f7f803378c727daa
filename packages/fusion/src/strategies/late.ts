import { ChainruleError, checkPositiveInteger, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { maskedMean, maskedSoftmax } from '../missing.js';
import { modalities } from '../modalities.js';
import { type Projections, projections } from '../projections.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface LateOptions extends FusionOptions {
  /** How the classifiers' logits are averaged: all alike, or by trained weights; default `equal`. */
  readonly weights?: 'equal' | 'learned';
  /** The width of z: the number of classes. Default: the widest modality's width. */
  readonly width?: number;
}
export type LateParams = {
  /** Wᵢ and bᵢ, `[widthᵢ, width]`. */
  readonly classifiers: Projections;
  /** a, `[modalities]`, in alphabetical order, where `weights` is `learned`; it starts at 0. */
  readonly weights?: tf.Tensor1D;
};
export type LateConfig = {
  readonly type: 'late';
  readonly widths: Widths;
  readonly weights: 'equal' | 'learned';
  readonly width: number;
};

/**
 * Late fusion: each modality has a linear classifier of its own, and their logits are averaged.
 *
 * z = Σᵢ wᵢ (Wᵢxᵢ + bᵢ),  wᵢ = 1/n, or w = softmax(a) with `weights: 'learned'`.
 *
 * z are logits already: set `width` to the number of classes and use a head that leaves them as they
 * are. Modalities meet in a sum only, so interactions such as XOR are out of reach. Where an example
 * lacks modalities (`present`), the mean is over those that it has; of none, z is 0.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, gives z, `[batch, width]`. The widths may differ.
 *
 * Source: Kittler et al., On combining classifiers (1998), whose sum rule this is for logits.
 *
 * @throws ChainruleError `OPTION` where a width is not a positive integer, or for other `weights`;
 * from `apply`, `MODALITY` where a modality is missing, `SHAPE` where a width is not the one
 * declared, `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { late } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = late({ widths: { image: 2, text: 3 }, width: 10 });
 * const logits = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, 4, 5]]) },
 * });
 * logits.shape; // [1, 10]
 */
export function late({
  widths: given,
  weights = 'equal',
  width = Math.max(...Object.values(given)),
}: LateOptions): Fusion<LateParams, LateConfig> {
  const where = 'fusion.late';
  const { names, widths, available } = modalities(where, given);
  checkPositiveInteger(where, 'width', width);
  if (weights !== 'equal' && weights !== 'learned') {
    throw new ChainruleError(
      'OPTION',
      `${where}: weights must be equal or learned, got "${weights as string}"`,
    );
  }
  const classifiers = projections({ names, widths }, width);
  return {
    config: { type: 'late', widths, weights, width },
    width,
    acceptsMissing: true,
    init: (key) => ({
      classifiers: classifiers.init(split(key, 'classifiers')),
      ...(weights === 'learned' && { weights: tf.zeros([names.length]) as tf.Tensor1D }),
    }),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const { vectors, present } = available(embeddings);
        const logits = classifiers.apply(params.classifiers, vectors);
        if (weights === 'equal') return maskedMean(logits, present);
        const shares = maskedSoftmax(tf.reshape(params.weights!, [1, names.length]), present);
        return tf
          .split(shares, names.length, 1)
          .map((share, i) => tf.mul(logits[i]!, share) as tf.Tensor2D)
          .reduce((z, x) => tf.add(z, x));
      }),
  };
}
