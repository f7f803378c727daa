export * from './close.js';
export * from './contract.js';
export * from './fixture.js';
export * from './gradients.js';
export * from './leaks.js';
