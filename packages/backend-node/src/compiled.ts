export * from './compiled/index.js';
