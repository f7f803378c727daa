import * as tf from '@tensorflow/tfjs-core';
import { ChainruleError } from './errors.js';
import { checkPositiveInteger } from './shapes.js';

/** The turns of each position, `[tokens, depth]`: see {@link rotaryPositions}. */
export interface Rotary {
  readonly cos: tf.Tensor2D;
  /** With the minus sign of the first half. */
  readonly sin: tf.Tensor2D;
}

/**
 * Rotary positions (Su et al., RoFormer, 2021): at place t, the numbers i and i + depth/2 of every
 * query and key are a point that is turned by t/10000^(2i/depth), so that their product depends on
 * the distance of the two places alone. The pairs are those of GPT-NeoX and LLaMA (the paper pairs
 * neighbours, which is the same up to the order of the kernels' columns).
 *
 * @param depth the width of one head, even.
 * @throws ChainruleError `OPTION` where length or depth is no positive integer, or depth is odd.
 *
 * @example
 * const y = attention.apply(params, { query, rotary: rotaryPositions(64, 256 / 8) });
 */
export function rotaryPositions(length: number, depth: number): Rotary {
  const where = 'tensor.rotaryPositions';
  checkPositiveInteger(where, 'length', length);
  checkPositiveInteger(where, 'depth', depth);
  if (depth % 2 !== 0) {
    throw new ChainruleError(
      'OPTION',
      `${where}: depth must be even, got ${depth}; choose a width that is an even multiple of heads`,
    );
  }
  const half = depth / 2;
  const table = (value: (angle: number, second: boolean) => number) =>
    tf.tensor2d(
      Float32Array.from({ length: length * depth }, (_, n) => {
        const [t, c] = [Math.floor(n / depth), n % depth];
        return value(t / 10000 ** (((c % half) * 2) / depth), c >= half);
      }),
      [length, depth],
    );
  return {
    cos: table((angle) => Math.cos(angle)),
    sin: table((angle, second) => (second ? Math.sin(angle) : -Math.sin(angle))),
  };
}

/** Turns `[batch, heads, tokens, depth]` by the positions of its tokens. */
export function rotate(x: tf.Tensor4D, { cos, sin }: Rotary): tf.Tensor4D {
  return tf.tidy(() => {
    const [first, second] = tf.split(x, 2, 3) as [tf.Tensor4D, tf.Tensor4D];
    const swapped = tf.concat([second, first], 3);
    return tf.add(tf.mul(x, cos), tf.mul(swapped, sin));
  });
}
