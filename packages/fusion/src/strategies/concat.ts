import { checkPositiveInteger, type DenseParams, dense, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { modalities } from '../modalities.js';
import type { Fusion, FusionConfig, FusionOptions } from '../types.js';

export interface ConcatOptions extends FusionOptions {
  /** Follow with a dense layer to this width. Default: none, and z is Σᵢ widthᵢ wide. */
  readonly width?: number;
}
/** The dense layer where `width` is set, otherwise nothing. */
export type ConcatParams = { readonly dense?: DenseParams };
export type ConcatConfig = FusionConfig<'concat'>;

/**
 * Concatenation, optionally followed by a dense layer.
 *
 * z = [x₁, …, xₙ], or W[x₁, …, xₙ] + b with `width` set.
 *
 * The vectors stand in the alphabetical order of their modalities' names. The widths may differ.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, gives z, `[batch, Σ widthᵢ]` or
 * `[batch, width]`. W is `[Σ widthᵢ, width]`.
 *
 * Source: Ngiam et al., Multimodal deep learning (2011); Keras `layers.Concatenate`.
 *
 * @throws ChainruleError `OPTION` where a width is not a positive integer; from `apply`, `MODALITY`
 * where a modality is missing, `SHAPE` where a width is not the one declared, `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { concat } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = concat({ widths: { image: 2, text: 1 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3]]) },
 * });
 * z.print(); // [[1, 2, 3]]
 */
export function concat({
  widths: given,
  width,
}: ConcatOptions): Fusion<ConcatParams, ConcatConfig> {
  const where = 'fusion.concat';
  const { names, widths, vectors } = modalities(where, given);
  const sum = names.reduce((sum, name) => sum + widths[name]!, 0);
  if (width !== undefined) checkPositiveInteger(where, 'width', width);
  const layer = width === undefined ? undefined : dense({ in: sum, out: width });
  return {
    config: { type: 'concat', widths, ...(width === undefined ? {} : { width }) },
    width: width ?? sum,
    init: (key) => (layer === undefined ? {} : { dense: layer.init(split(key, 'dense')) }),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const x = tf.concat(vectors(embeddings), 1);
        return layer === undefined ? x : layer.apply(params.dense!, x);
      }),
  };
}
