import { ChainruleError, type Key, split, uniform } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

export type CutoutOptions = {
  /** Sides of the square, as a part of the image's; default 0.25. */
  readonly size?: number;
  /** What the square is filled with; default 0.5. */
  readonly fill?: number;
};

/**
 * Cutout (DeVries and Taylor, 2017): covers a square of each image, whose centre is any pixel, so
 * that a part of the square may lie outside. `[batch, height, width, channels]` → the same.
 *
 * Draws: `y` and `x`, `[batch]`; the centre is pixel ⌊u·height⌋, and covered are pixels at less than
 * half the square's side from it, above or left also at exactly half.
 *
 * @throws ChainruleError `OPTION` unless 0 < size <= 1.
 * @example
 * const covered = cutout(images, split(key(seed), 'cutout'), { size: 0.5 });
 */
export function cutout(
  images: tf.Tensor4D,
  source: Key,
  { size = 0.25, fill = 0.5 }: CutoutOptions = {},
): tf.Tensor4D {
  if (!(size > 0 && size <= 1)) {
    throw new ChainruleError(
      'OPTION',
      `encoders-image.cutout: size must be in (0, 1], got ${size}`,
    );
  }
  return tf.tidy(() => {
    const [batch, height, width] = images.shape;
    const covered = (name: string, length: number) => {
      const draw = uniform(split(source, name), [batch, 1]);
      const distance = tf.sub(tf.range(0, length), tf.floor(tf.mul(draw, length)));
      const half = Math.round(size * length) / 2;
      const inside = tf.logicalAnd(tf.greaterEqual(distance, -half), tf.less(distance, half));
      return tf.cast(inside, 'float32');
    };
    const mask = tf.mul(
      tf.reshape(covered('y', height), [batch, height, 1, 1]),
      tf.reshape(covered('x', width), [batch, 1, width, 1]),
    );
    return tf.add(images, tf.mul(mask, tf.sub(fill, images))) as tf.Tensor4D;
  });
}
