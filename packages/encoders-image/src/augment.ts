import { ChainruleError, type Key, split } from '@chainrule/tensor';
import type * as tf from '@tensorflow/tfjs-core';
import { type ColorJitterOptions, colorJitter } from './color-jitter.js';
import {
  type CropOptions,
  type ResizedCropOptions,
  randomCrop,
  randomResizedCrop,
} from './crop.js';
import { type CutoutOptions, cutout } from './cutout.js';
import { randomFlip } from './flip.js';

/** Augmentations by name. Each is a pure function of images in 0…1 and a key. */
export const augmentations = {
  flip: randomFlip,
  crop: randomCrop,
  resizedCrop: randomResizedCrop,
  colorJitter,
  cutout,
} as const;

type Apply = (images: tf.Tensor4D, source: Key, options: object) => tf.Tensor4D;

/** An augmentation of the `augment` option: its name, or its name and options. */
export type Augmentation =
  | keyof typeof augmentations
  | { readonly type: 'flip' }
  | ({ readonly type: 'crop' } & CropOptions)
  | ({ readonly type: 'resizedCrop' } & ResizedCropOptions)
  | ({ readonly type: 'colorJitter' } & ColorJitterOptions)
  | ({ readonly type: 'cutout' } & CutoutOptions);

/**
 * Applies augmentations in order, each with its own child of `source`.
 *
 * @throws ChainruleError `OPTION` where an option is out of range, or an augmentation occurs twice.
 * @example
 * const augmented = augment(images, ['flip', { type: 'crop', pad: 8 }], key(seed));
 */
export function augment(
  images: tf.Tensor4D,
  list: readonly Augmentation[],
  source: Key,
): tf.Tensor4D {
  return list.reduce((x, one) => {
    const { type, ...options } = typeof one === 'string' ? { type: one } : one;
    const apply: Apply = augmentations[type];
    return apply(x, split(source, type), options);
  }, images);
}

/** @throws ChainruleError `OPTION` where an augmentation occurs twice: both would draw the same numbers. */
export function checkAugmentations(where: string, list: readonly Augmentation[]): void {
  const names = list.map((one) => (typeof one === 'string' ? one : one.type));
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) {
    throw new ChainruleError('OPTION', `${where}: augment lists "${twice}" twice; list it once`);
  }
}
