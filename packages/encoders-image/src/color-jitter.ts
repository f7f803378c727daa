import { ChainruleError, type Key, split, uniform } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

export type ColorJitterOptions = {
  /** Factor of the brightness, uniform in 1 ± this; default 0.2. */
  readonly brightness?: number;
  /** Factor of the difference from the image's mean grey; default 0.2. */
  readonly contrast?: number;
  /** Factor of the difference from each pixel's own grey; default 0.2. Three channels only. */
  readonly saturation?: number;
  /** Greatest turn of the hue, as a part of the circle, 0 … 0.5; default 0. Three channels only. */
  readonly hue?: number;
};

/** Luma of red, green and blue (ITU-R BT.601). */
const LUMA = [0.299, 0.587, 0.114];
/** The two axes of colour of the YIQ space, by red, green and blue. */
const IN_PHASE = [0.596, -0.274, -0.322];
const QUADRATURE = [0.211, -0.523, 0.312];
/** Red, green and blue of a unit of each axis of YIQ: the inverse of the three above, by rows. */
const BACK = inverse([LUMA, IN_PHASE, QUADRATURE]);

/**
 * Changes brightness, contrast, saturation and hue of each image, each on its own, in this order;
 * after each the pixels are cut to 0…1. `[batch, height, width, channels]` → the same.
 *
 * With f = 1 + (2u − 1)·strength: brightness f·x; contrast m + f·(x − m), m the mean grey of the
 * image; saturation g + f·(x − g), g the grey of the pixel (BT.601); hue a turn by 2π·(2u − 1)·hue
 * around the grey axis in YIQ. Draws: `brightness`, `contrast`, `saturation`, `hue`, `[batch]`; a
 * strength of 0 draws nothing.
 *
 * @throws ChainruleError `OPTION` where a strength is negative or a hue above 0.5; `SHAPE` for
 * saturation or hue of images without three channels.
 * @example
 * const jittered = colorJitter(images, split(key(seed), 'colors'), { hue: 0.1 });
 */
export function colorJitter(
  images: tf.Tensor4D,
  source: Key,
  { brightness = 0.2, contrast = 0.2, saturation = 0.2, hue = 0 }: ColorJitterOptions = {},
): tf.Tensor4D {
  const strengths = { brightness, contrast, saturation, hue };
  const [batch, , , channels] = images.shape;
  for (const [name, strength] of Object.entries(strengths)) {
    const most = name === 'hue' ? 0.5 : Number.POSITIVE_INFINITY;
    if (!(strength >= 0 && strength <= most)) {
      throw new ChainruleError(
        'OPTION',
        `encoders-image.colorJitter: ${name} must be ${name === 'hue' ? 'in [0, 0.5]' : '0 or above'}, got ${strength}`,
      );
    }
  }
  if (channels !== 3 && (saturation > 0 || hue > 0)) {
    throw new ChainruleError(
      'SHAPE',
      `encoders-image.colorJitter: saturation and hue need 3 channels, got ${channels}; set both to 0`,
    );
  }
  const draw = (name: string) =>
    tf.sub(tf.mul(uniform(split(source, name), [batch, 1, 1, 1]), 2), 1);
  const factor = (name: keyof typeof strengths) => tf.add(tf.mul(draw(name), strengths[name]), 1);
  const grey = (x: tf.Tensor4D) =>
    channels === 3 ? tf.sum(tf.mul(x, tf.tensor1d(LUMA)), 3, true) : tf.mean(x, 3, true);
  const cut = (x: tf.Tensor) => tf.clipByValue(x, 0, 1) as tf.Tensor4D;
  const away = (x: tf.Tensor4D, from: tf.Tensor, f: tf.Tensor) =>
    cut(tf.add(from, tf.mul(f, tf.sub(x, from))));

  return tf.tidy(() => {
    let x = images;
    if (brightness > 0) x = cut(tf.mul(x, factor('brightness')));
    if (contrast > 0) x = away(x, tf.mean(grey(x), [1, 2], true), factor('contrast'));
    if (saturation > 0) x = away(x, grey(x), factor('saturation'));
    return hue > 0 ? cut(turned(x, tf.mul(draw('hue'), 2 * Math.PI * hue))) : x;
  });
}

/** x turned by `angle`, `[batch, 1, 1, 1]`, around the grey axis. */
function turned(x: tf.Tensor4D, angle: tf.Tensor): tf.Tensor {
  const along = (axis: readonly number[]) => tf.sum(tf.mul(x, tf.tensor1d([...axis])), 3, true);
  const [y, i, q] = [along(LUMA), along(IN_PHASE), along(QUADRATURE)];
  const [cos, sin] = [tf.cos(angle), tf.sin(angle)];
  const coordinates = [
    y,
    tf.sub(tf.mul(i, cos), tf.mul(q, sin)),
    tf.add(tf.mul(i, sin), tf.mul(q, cos)),
  ];
  return coordinates
    .map((value, axis) => tf.mul(value, tf.tensor1d(BACK.map((row) => row[axis]!))))
    .reduce((a, b) => tf.add(a, b));
}

/** Of a 3×3 matrix, by cofactors. */
function inverse(m: readonly (readonly number[])[]): number[][] {
  const at = (r: number, c: number) => m[r % 3]![c % 3]!;
  const cofactor = (r: number, c: number) =>
    at(r + 1, c + 1) * at(r + 2, c + 2) - at(r + 1, c + 2) * at(r + 2, c + 1);
  const determinant = [0, 1, 2].reduce((sum, c) => sum + at(0, c) * cofactor(0, c), 0);
  return [0, 1, 2].map((r) => [0, 1, 2].map((c) => cofactor(c, r) / determinant));
}
