import { type Key, uniform } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Mirrors each image left to right with probability ½, each on its own: a pure function of the
 * key. `[batch, height, width, channels]` → the same.
 *
 * @example
 * const flipped = randomFlip(images, split(key(seed), 'flip'));
 */
export function randomFlip(images: tf.Tensor4D, source: Key): tf.Tensor4D {
  return tf.tidy(() => {
    const draw = uniform<tf.Rank.R4>(source, [images.shape[0], 1, 1, 1]);
    // Arithmetic and not `where`: images are finite, and every backend has these kernels.
    const flip = tf.cast(tf.less(draw, 0.5), 'float32');
    return tf.add(tf.mul(tf.reverse(images, 2), flip), tf.mul(images, tf.sub(1, flip)));
  });
}
