export { type MiniLm, type MiniLmOptions, miniLmWeights } from './mini-lm.js';
