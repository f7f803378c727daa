import {
  ChainruleError,
  checkPositiveInteger,
  type Key,
  type Params,
  split,
  truncatedNormal,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

export interface PatchParams extends Params {
  /** `[patch, patch, channels, width]`. */
  readonly kernel: tf.Tensor4D;
  readonly bias: tf.Tensor1D;
}

/**
 * Cuts images into squares of `patch` pixels and maps each linearly to `width` numbers, as one
 * convolution: `[batch, height, width, channels]` → `[batch, height/patch, width/patch, width]`.
 *
 * @throws ChainruleError `OPTION` where the images are no whole number of patches.
 */
export function patches(
  where: string,
  size: readonly [number, number],
  patch: number,
  width: number,
  channels = 3,
) {
  checkPositiveInteger(where, 'patch', patch);
  checkPositiveInteger(where, 'width', width);
  if (size.some((side) => side % patch !== 0)) {
    throw new ChainruleError(
      'OPTION',
      `${where}: the images must be a whole number of patches, got ${size[0]}×${size[1]} pixels and patches of ${patch}`,
    );
  }
  return {
    grid: [size[0] / patch, size[1] / patch] as const,
    init: (key: Key): PatchParams => ({
      kernel: truncatedNormal(0.02)(split(key, 'kernel'), [
        patch,
        patch,
        channels,
        width,
      ]) as tf.Tensor4D,
      bias: tf.zeros([width]),
    }),
    apply: (params: PatchParams, x: tf.Tensor4D): tf.Tensor4D =>
      tf.tidy(() => tf.add(tf.conv2d(x, params.kernel, patch, 'valid'), params.bias)),
  };
}
