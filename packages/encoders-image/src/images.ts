import {
  ChainruleError,
  type Context,
  checkPositiveInteger,
  checkShape,
  split,
} from '@chainrule/tensor';
import type * as tf from '@tensorflow/tfjs-core';
import { type Augmentation, augment, checkAugmentations } from './augment.js';
import { checkPixels, type Pixels, preprocess } from './pixels.js';

/** What every image encoder takes. */
export interface ImageOptions {
  /** `[height, width]` of the images. */
  readonly size?: readonly [height: number, width: number];
  /** What is done to the pixels first. */
  readonly pixels?: Pixels;
  /** Augmentations while training, in this order; default none. */
  readonly augment?: readonly Augmentation[];
}

export interface ImageConfig {
  readonly size: readonly [height: number, width: number];
  readonly channels: number;
  readonly pixels: Pixels;
  readonly augment: readonly Augmentation[];
}

/**
 * The first steps of an encoder: the shape is checked, and in training the pixels, which are in
 * 0…1, are augmented; then they are preprocessed.
 *
 * @throws ChainruleError `OPTION`; from the function that it returns, `SHAPE`, `EMPTY_BATCH`, and
 * `MISSING_KEY` when training with augmentation without a key.
 */
export function imageInput(
  where: string,
  { size, channels, pixels, augment: names }: ImageConfig,
): (images: tf.Tensor4D, context: Context) => tf.Tensor4D {
  const [height, width] = size;
  checkPositiveInteger(where, 'size[0]', height);
  checkPositiveInteger(where, 'size[1]', width);
  checkPositiveInteger(where, 'channels', channels);
  checkPixels(where, pixels, channels);
  checkAugmentations(where, names);
  return (images, context) => {
    checkShape(where, 'pixels', images, ['batch', height, width, channels]);
    if (names.length === 0 || context.training !== true) return preprocess(images, pixels);
    if (context.key === undefined) {
      throw new ChainruleError(
        'MISSING_KEY',
        `${where}: augmentation needs a key; pass { training: true, key }`,
      );
    }
    return preprocess(augment(images, names, split(context.key, 'augment')), pixels);
  };
}
