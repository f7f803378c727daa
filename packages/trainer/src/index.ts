export type { Watch } from './best.js';
export type * from './events.js';
export * from './multimodal.js';
export * from './objectives.js';
export * from './step.js';
export * from './train.js';
