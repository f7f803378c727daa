export * from './losses/binary-cross-entropy.js';
export * from './losses/cosine.js';
export * from './losses/cross-entropy.js';
export * from './losses/half-squared-error.js';
export * from './losses/huber.js';
export * from './losses/mean-absolute-error.js';
export * from './losses/mean-squared-error.js';
export type * from './types.js';
