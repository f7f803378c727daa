export { type Augmentation, augment, augmentations } from './augment.js';
export type { ConvBlockConfig, ConvBlockOptions, ConvBlockParams, MapSize } from './block.js';
export * from './cnn.js';
export { type ColorJitterOptions, colorJitter } from './color-jitter.js';
export type { NormMode } from './conv-norm.js';
export * from './convnext.js';
export {
  type CropOptions,
  type ResizedCropOptions,
  randomCrop,
  randomResizedCrop,
} from './crop.js';
export { type CutoutOptions, cutout } from './cutout.js';
export * from './efficientnet-lite0.js';
export { randomFlip } from './flip.js';
export type { HeadOptions } from './head.js';
export type { ImageOptions } from './images.js';
export { type Mixture, type MixupOptions, mixTargets, mixup } from './mixup.js';
export * from './mlp-mixer.js';
export type { PatchParams } from './patches.js';
export { imagenetPixels, type PerChannel, type Pixels } from './pixels.js';
export * from './presets.js';
export * from './residual.js';
export * from './vision-transformer.js';
