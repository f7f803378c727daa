import * as tf from '@tensorflow/tfjs-core';
import type { Encoder } from './module.js';
import { checkPositiveInteger, checkShape } from './shapes.js';

export interface PrecomputedOptions {
  /** Width of the vectors. */
  readonly width: number;
  /**
   * How many tokens of the same width come with each vector: the input then is `[batch, 1 + tokens,
   * width]`, the vector first. Default 0.
   */
  readonly tokens?: number;
}

export type PrecomputedConfig = {
  readonly type: 'precomputed';
  readonly width: number;
  readonly tokens: number;
};

/**
 * An encoder whose input is the embedding already, of any modality: it has no parameters. With
 * embeddings that a frozen encoder made once, training costs no more than what stands behind it.
 *
 * `[batch, width]` → `vector`; with tokens `[batch, 1 + tokens, width]` → `vector` and `tokens`.
 *
 * @throws ChainruleError `OPTION` for a width that is no positive integer; from `apply`, `SHAPE`.
 * @example
 * const image = precomputed({ width: 1280 });
 * const { vector } = image.apply({}, tf.ones([8, 1280]));
 */
export function precomputed(
  options: PrecomputedOptions,
): Encoder<tf.Tensor, Record<string, never>, PrecomputedConfig> {
  const where = 'tensor.precomputed';
  const { width, tokens = 0 } = options;
  checkPositiveInteger(where, 'width', width);
  if (tokens !== 0) checkPositiveInteger(where, 'tokens', tokens);
  return {
    config: { type: 'precomputed', width, tokens },
    width,
    ...(tokens > 0 && { tokenWidth: width }),
    init: () => ({}),
    apply(_params, input) {
      checkShape(where, 'input', input, ['batch', ...(tokens > 0 ? [1 + tokens] : []), width]);
      if (tokens === 0) return { vector: tf.clone(input) as tf.Tensor2D };
      return tf.tidy(() => ({
        vector: tf.reshape<tf.Rank.R2>(tf.slice(input, [0, 0, 0], [-1, 1, -1]), [-1, width]),
        tokens: tf.slice(input as tf.Tensor3D, [0, 1, 0]),
      }));
    },
  };
}
