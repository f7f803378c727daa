export * from './augment.js';
export type { ConvBlockConfig, ConvBlockOptions, ConvBlockParams, MapSize } from './block.js';
export * from './cnn.js';
export { imagenetPixels, type PerChannel, type Pixels } from './pixels.js';
export * from './presets.js';
