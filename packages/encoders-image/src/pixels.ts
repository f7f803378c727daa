import { ChainruleError, fusedKernel, hasKernel } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

/** One number for all channels, or one per channel. */
export type PerChannel = number | readonly number[];

/**
 * What is done to pixels in 0…1 before the first layer: nothing, `centered` (x − ½) / ½, which
 * gives −1…1, or (x − mean) / std.
 */
export type Pixels = 'none' | 'centered' | { readonly mean: PerChannel; readonly std: PerChannel };

/** Mean and deviation of each channel over ImageNet's training set, what most pretrained networks expect. */
export const imagenetPixels = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
} as const satisfies Pixels;

/** @throws ChainruleError `OPTION` where a list does not have `channels` numbers, or a `std` is not above 0. */
export function checkPixels(where: string, pixels: Pixels, channels: number): void {
  if (typeof pixels === 'string') return;
  for (const name of ['mean', 'std'] as const) {
    const value = pixels[name];
    const list = typeof value === 'number' ? [value] : value;
    if (typeof value !== 'number' && list.length !== channels) {
      throw new ChainruleError(
        'OPTION',
        `${where}: pixels.${name} must be one number or ${channels} (one a channel), got ${list.length}`,
      );
    }
    if (!list.every(Number.isFinite) || (name === 'std' && list.some((n) => n <= 0))) {
      throw new ChainruleError(
        'OPTION',
        `${where}: pixels.${name} must be ${name === 'std' ? 'positive' : 'finite'}, got [${list.join(', ')}]`,
      );
    }
  }
}

/**
 * The kernel by which a backend may scale and shift channels in one pass: `{ x, scale, shift }`, both
 * `[channels]`.
 */
const SCALE = 'Scale';

/** (x − mean) / std with the last axis of `x` as channels, as one product and one sum. */
export function preprocess(x: tf.Tensor4D, pixels: Pixels): tf.Tensor4D {
  if (pixels === 'none') return x;
  return tf.tidy(() => {
    const { mean, std } = pixels === 'centered' ? { mean: 0.5, std: 0.5 } : pixels;
    const each = (value: PerChannel) =>
      typeof value === 'number' ? new Array<number>(x.shape[3]).fill(value) : value;
    const means = each(mean);
    const scale = tf.tensor1d(each(std).map((s) => 1 / s));
    const shift = tf.tensor1d(each(std).map((s, i) => -means[i]! / s));
    if (!hasKernel(SCALE)) return tf.add(tf.mul(x, scale), shift);
    return fusedKernel<tf.Tensor4D>({
      kernel: SCALE,
      inputs: { x },
      constants: { scale, shift },
      gradient: (dy, { scale }) => [tf.mul(dy, scale!)],
    });
  });
}
