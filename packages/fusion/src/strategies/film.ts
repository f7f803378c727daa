import {
  ChainruleError,
  checkPositiveInteger,
  type DenseParams,
  dense,
  split,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { modalities } from '../modalities.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface FilmOptions extends FusionOptions {
  /** The modality that modulates the others. Default: the last in alphabetical order (`text`). */
  readonly condition?: string;
  /** Project the modulated features linearly to this width first. Default: no projection. */
  readonly width?: number;
}
export type FilmParams = {
  /** Gives Δγ, `[condition's width, width]`. */
  readonly gamma: DenseParams;
  /** Gives β, `[condition's width, width]`. */
  readonly beta: DenseParams;
  /** Of the modulated features, where `width` is set. */
  readonly [projection: string]: DenseParams;
};
export type FilmConfig = {
  readonly type: 'film';
  readonly widths: Widths;
  readonly condition: string;
  readonly width?: number;
};

/**
 * Feature-wise linear modulation (FiLM): one modality scales and shifts the features of the others.
 *
 * z = γ(c) ⊙ x + β(c),  γ(c) = 1 + W_γ c + b_γ,  β(c) = W_β c + b_β,
 *
 * where c is the `condition` (for questions about pictures, the text) and x the concatenation of
 * the other modalities in alphabetical order, or P[…] + p with `width` set. The layers give γ − 1,
 * as in the paper, so that features and their gradients pass from the start.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, gives z, as wide as x: `[batch, width]`. The
 * widths may differ.
 *
 * Source: Perez et al., FiLM: Visual reasoning with a general conditioning layer (2018).
 *
 * @throws ChainruleError `OPTION` where there are fewer than two modalities or `condition` is none
 * of them; from `apply`, `MODALITY` where a modality is missing, `SHAPE` where a width is not the
 * one declared, `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { film } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = film({ widths: { image: 2, text: 3 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, 4, 5]]) },
 * });
 * z.shape; // [1, 2]
 */
export function film({
  widths: given,
  condition: chosen,
  width,
}: FilmOptions): Fusion<FilmParams, FilmConfig> {
  const where = 'fusion.film';
  const { names, widths, vectors } = modalities(where, given, 2);
  const condition = chosen ?? names[names.length - 1]!;
  if (!names.includes(condition)) {
    throw new ChainruleError(
      'OPTION',
      `${where}: condition must be one of ${names.join(', ')}, got "${condition}"`,
    );
  }
  if (width !== undefined) checkPositiveInteger(where, 'width', width);
  const sum = names.reduce((sum, name) => sum + (name === condition ? 0 : widths[name]!), 0);
  const out = width ?? sum;
  const modulation = dense({ in: widths[condition]!, out });
  const projection = width === undefined ? undefined : dense({ in: sum, out });
  return {
    config: { type: 'film', widths, condition, ...(width === undefined ? {} : { width }) },
    width: out,
    init: (key) => ({
      gamma: modulation.init(split(key, 'gamma')),
      beta: modulation.init(split(key, 'beta')),
      ...(projection === undefined
        ? {}
        : { projection: projection.init(split(key, 'projection')) }),
    }),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const xs = vectors(embeddings);
        const c = xs[names.indexOf(condition)]!;
        const others = xs.filter((_, i) => names[i] !== condition);
        const features = others.length === 1 ? others[0]! : tf.concat(others, 1);
        const x =
          projection === undefined ? features : projection.apply(params.projection!, features);
        const gamma = tf.add(modulation.apply(params.gamma, c), 1);
        return tf.add(tf.mul(gamma, x), modulation.apply(params.beta, c));
      }),
  };
}
