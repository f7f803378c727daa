export type { ElementwiseOptions, ElementwiseParams } from './elementwise.js';
export * from './strategies/concat.js';
export * from './strategies/film.js';
export * from './strategies/gated.js';
export * from './strategies/max.js';
export * from './strategies/mean.js';
export * from './strategies/product.js';
export * from './strategies/sum.js';
export type * from './types.js';
