export * from './bag-of-words.js';
export * from './bert.js';
export { bertParams } from './bert-weights.js';
export * from './bi-lstm.js';
export {
  type BpeTokenizerConfig,
  type BpeTokenizerOptions,
  fitBpeTokenizer,
} from './bpe-tokenizer.js';
export {
  type CharacterTokenizerConfig,
  type CharacterTokenizerOptions,
  fitCharacterTokenizer,
} from './character-tokenizer.js';
export * from './cnn1d.js';
export { type EmbedTextsOptions, embedTexts } from './embed-texts.js';
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
export * from './pipeline.js';
export type { Tokenizer } from './tokenizer.js';
export { type TokenizerFactory, tokenizerFromConfig } from './tokenizer-from-config.js';
export * from './transformer.js';
export {
  fitWordTokenizer,
  type WordTokenizerConfig,
  type WordTokenizerOptions,
} from './word-tokenizer.js';
export { words } from './words.js';
