export * from './bag-of-words.js';
export * from './bi-lstm.js';
export * from './cnn1d.js';
export * from './gru.js';
export { gruSequence } from './gru-sequence.js';
export { PADDING, UNKNOWN } from './ids.js';
export {
  article,
  type LstmConfig,
  type LstmOptions,
  type LstmParams,
  lstm,
  type TextLstmParams,
  type VectorLstmConfig,
  type VectorLstmOptions,
  vectorLstm,
} from './lstm.js';
export { type LstmActivation, lstmSequence } from './lstm-sequence.js';
export * from './tokenizer.js';
export * from './transformer.js';
export { words } from './words.js';
