import { ChainruleError, checkPositive, type Key, split, uniform } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

export type CropOptions = {
  /** Pixels of zeros on each side; default 4. */
  readonly pad?: number;
};

/**
 * Pads each image with zeros and cuts its own size out again at a random place: pixel (i, j) of the
 * output is pixel (i + dy, j + dx) of the image, dy and dx uniform over −pad … pad, each image on
 * its own. `[batch, height, width, channels]` → the same.
 *
 * Draws: `dy` and `dx`, `[batch]`, of which ⌊u·(2·pad + 1)⌋ − pad is the shift.
 *
 * @throws ChainruleError `OPTION` where pad is no whole number from 0 on.
 * @example
 * const cropped = randomCrop(images, split(key(seed), 'crop'), { pad: 8 });
 */
export function randomCrop(
  images: tf.Tensor4D,
  source: Key,
  { pad = 4 }: CropOptions = {},
): tf.Tensor4D {
  if (!Number.isInteger(pad) || pad < 0) {
    throw new ChainruleError(
      'OPTION',
      `encoders-image.crop: pad must be a whole number from 0 on, got ${pad}`,
    );
  }
  return tf.tidy(() => {
    const [batch, height, width] = images.shape;
    const places = (name: string, size: number) => {
      const shift = tf.sub(tf.floor(tf.mul(draws(source, name, batch), 2 * pad + 1)), pad);
      return tf.add(tf.reshape(shift, [batch, 1]), tf.range(0, size)) as tf.Tensor2D;
    };
    return resample(images, places('dy', height), places('dx', width));
  });
}

export type ResizedCropOptions = {
  /** Least and greatest part of the image's area that stays; default `[0.5, 1]`. */
  readonly area?: readonly [least: number, greatest: number];
  /** Least and greatest width ÷ height of that part, of a square image; default `[3/4, 4/3]`. */
  readonly ratio?: readonly [least: number, greatest: number];
};

/**
 * Cuts a random rectangle out of each image and stretches it, bilinearly, to the whole size.
 * `[batch, height, width, channels]` → the same.
 *
 * Draws, each `[batch]`: `area` a, uniform; `ratio` r, uniform in its logarithm; the rectangle has
 * min(1, √(a/r)) of the height and min(1, √(a·r)) of the width; `top` and `left`, uniform over
 * where it fits.
 *
 * @throws ChainruleError `OPTION` where the area is not in (0, 1] or a bound is above the other.
 * @example
 * const cropped = randomResizedCrop(images, split(key(seed), 'resizedCrop'), { area: [0.3, 1] });
 */
export function randomResizedCrop(
  images: tf.Tensor4D,
  source: Key,
  { area = [0.5, 1], ratio = [3 / 4, 4 / 3] }: ResizedCropOptions = {},
): tf.Tensor4D {
  for (const [name, [least, greatest]] of Object.entries({ area, ratio })) {
    checkPositive('encoders-image.resizedCrop', `${name}[0]`, least);
    if (!(greatest >= least) || (name === 'area' && greatest > 1)) {
      throw new ChainruleError(
        'OPTION',
        `encoders-image.resizedCrop: ${name} must be [least, greatest]${name === 'area' ? ' in (0, 1]' : ''}, got [${least}, ${greatest}]`,
      );
    }
  }
  return tf.tidy(() => {
    const [batch, height, width] = images.shape;
    const between = (name: string, [least, greatest]: readonly [number, number]) =>
      tf.add(tf.mul(draws(source, name, batch), greatest - least), least);
    const part = between('area', area);
    const stretch = tf.exp(between('ratio', [Math.log(ratio[0]), Math.log(ratio[1])]));
    const places = (name: string, share: tf.Tensor, size: number) => {
      const scale = tf.reshape(tf.minimum(tf.sqrt(share), 1), [batch, 1]);
      const start = tf.mul(
        tf.reshape(draws(source, name, batch), [batch, 1]),
        tf.mul(tf.sub(1, scale), size),
      );
      // The centre of output pixel i, among the input's pixels.
      const centre = tf.mul(tf.add(tf.range(0, size), 0.5), scale);
      return tf.clipByValue(tf.sub(tf.add(start, centre), 0.5), 0, size - 1) as tf.Tensor2D;
    };
    return resample(
      images,
      places('top', tf.div(part, stretch), height),
      places('left', tf.mul(part, stretch), width),
    );
  });
}

function draws(source: Key, name: string, batch: number): tf.Tensor1D {
  return uniform<tf.Rank.R1>(split(source, name), [batch]);
}

/**
 * Each image at other places, bilinearly: `rows` and `columns` are `[batch, height]` and
 * `[batch, width]`, in pixels; what lies outside of the image is 0.
 *
 * Row i is Σ_k max(0, 1 − |rows_i − k|)·(row k), and columns likewise: two batched products, which
 * every backend has, and which can be recorded.
 */
function resample(images: tf.Tensor4D, rows: tf.Tensor2D, columns: tf.Tensor2D): tf.Tensor4D {
  return tf.tidy(() => {
    const [batch, height, width, channels] = images.shape;
    const weights = (places: tf.Tensor2D, size: number) =>
      tf.relu(
        tf.sub(1, tf.abs(tf.sub(tf.reshape(places, [batch, size, 1]), tf.range(0, size)))),
      ) as tf.Tensor3D;
    const vertical = tf.matMul(
      weights(rows, height),
      tf.reshape(images, [batch, height, width * channels]),
    );
    // Columns as rows: one product an image, and not one a row of it.
    const turned = tf.transpose(
      tf.reshape(vertical, [batch, height, width, channels]),
      [0, 2, 1, 3],
    );
    const both = tf.matMul(
      weights(columns, width),
      tf.reshape(turned, [batch, width, height * channels]),
    );
    return tf.transpose(tf.reshape(both, [batch, width, height, channels]), [0, 2, 1, 3]);
  });
}
