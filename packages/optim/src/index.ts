export * from './chain.js';
export * from './partition.js';
export * from './transformation.js';
export * from './value-and-grad.js';
