export type { Batches } from './batches.js';
export type { Watch } from './best.js';
export { evaluate } from './evaluate.js';
export type * from './events.js';
export * from './multimodal.js';
export * from './objectives.js';
export * from './step.js';
export { type TrainOptions, train } from './train.js';
