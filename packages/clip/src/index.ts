export { type Clip, type ClipFiles, clipFileNames, clipFromFiles } from './files.js';
export * from './image-tower.js';
export type { LayerParams, MlpParams, TowerOptions } from './layers.js';
export * from './text-tower.js';
export type { ClipParams } from './weights.js';
