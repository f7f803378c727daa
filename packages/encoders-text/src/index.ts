export * from './bag-of-words.js';
export { PADDING, UNKNOWN } from './ids.js';
export * from './lstm.js';
export { type LstmActivation, lstmSequence } from './lstm-sequence.js';
export * from './tokenizer.js';
export * from './transformer.js';
export { words } from './words.js';
