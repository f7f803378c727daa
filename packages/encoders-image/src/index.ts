export * from './augment.js';
export type { ConvBlockConfig, ConvBlockOptions, ConvBlockParams, MapSize } from './block.js';
export * from './cnn.js';
export type { NormMode } from './conv-norm.js';
export * from './efficientnet-lite0.js';
export type { ImageOptions } from './images.js';
export { imagenetPixels, type PerChannel, type Pixels } from './pixels.js';
export * from './presets.js';
