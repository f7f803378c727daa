import type { Encoder } from '@chainrule/tensor';
import { entry, type Registry, registry } from '@chainrule/tensor/registry';
import { z } from 'zod';
import { bagOfWords } from './bag-of-words.js';
import { bert } from './bert.js';
import { biLstm } from './bi-lstm.js';
import { cnn1d } from './cnn1d.js';
import { gru } from './gru.js';
import { article, lstm, vectorLstm } from './lstm.js';
import { transformer } from './transformer.js';

const size = z.number().int().positive();
const vocabulary = size.describe('number of ids: tokenizer.vocabulary.length');
const width = size.default(128).describe('width of the embedding');
const embedding = size.default(128).describe("width of a word's vector");
const activation = z
  .enum(['tanh', 'relu'])
  .default('tanh')
  .describe('of the candidate and the output');

/**
 * Every text encoder by name. All but `vectorLstm` read ids, int32 `[batch, time]`. The preset
 * `article()` is called `articleLstm` here: names are unique over all encoders.
 */
export const textEncoders: Registry<Encoder> = registry<Encoder>('encoders-text', {
  articleLstm: entry(
    "the article's: word vectors of 128, LSTM of 128 with ReLU",
    z.object({ vocabulary, embedding, width }),
    article,
  ),
  bagOfWords: entry(
    'the mean or sum of the words’ vectors, their order ignored',
    z.object({
      vocabulary,
      width,
      activation: z
        .enum(['linear', 'relu', 'tanh', 'sigmoid', 'gelu'])
        .default('relu')
        .describe('of the embedding'),
      combine: z.enum(['mean', 'sum']).default('mean').describe('how the vectors are combined'),
    }),
    bagOfWords,
  ),
  bert: entry(
    'BERT: transformer layers that normalise last, mean or class pooling; MiniLM’s form',
    z.object({
      vocabulary,
      width: size.default(384).describe('width of tokens and embedding'),
      layers: size.default(6).describe('how many layers'),
      heads: size.default(12).describe('heads of each attention; must divide width'),
      feedForward: size.optional().describe('width of the feed-forward parts; default 4·width'),
      maxLength: size.default(512).describe('tokens that the positions reach'),
      pooling: z.enum(['mean', 'class']).default('mean').describe('how tokens become one vector'),
      normalize: z.boolean().default(true).describe('whether the vector has length 1'),
      activation: z.enum(['gelu', 'relu']).default('gelu').describe('of the feed-forward parts'),
      dropout: z.number().min(0).lt(1).default(0).describe('rate of every dropout'),
      epsilon: z.number().positive().default(1e-12).describe('of the norms'),
    }),
    ({ feedForward, ...options }) =>
      bert(feedForward === undefined ? options : { ...options, feedForward }),
  ),
  biLstm: entry(
    'word vectors, then two LSTMs of half the width, one from each end',
    z.object({ vocabulary, embedding, width, activation }),
    biLstm,
  ),
  cnn1d: entry(
    'word vectors, then filters that slide over them; the largest answer of each',
    z.object({
      vocabulary,
      embedding,
      windows: z
        .array(size)
        .min(1)
        .default([2, 3, 4])
        .describe('how many words each kind of filter sees'),
      filters: size.default(64).describe('filters of each window; width = filters·windows'),
      activation: z.enum(['relu', 'tanh']).default('relu').describe('of the filters'),
    }),
    cnn1d,
  ),
  gru: entry(
    'word vectors, then a gated recurrent unit; the state after the last word',
    z.object({ vocabulary, embedding, width }),
    gru,
  ),
  lstm: entry(
    'word vectors, then an LSTM; the state after the last word',
    z.object({ vocabulary, embedding, width, activation }),
    lstm,
  ),
  transformer: entry(
    'pre-norm transformer layers over words and their positions, then pooling',
    z.object({
      vocabulary,
      width,
      layers: size.default(2).describe('how many layers'),
      heads: size.default(4).describe('heads of each attention; must divide width'),
      feedForward: size.optional().describe('width of the feed-forward parts; default 4·width'),
      maxLength: size.default(128).describe('words that learned positions reach'),
      positions: z
        .enum(['learned', 'sinusoidal', 'rotary'])
        .default('learned')
        .describe('how tokens know where they stand'),
      causal: z.boolean().default(false).describe('whether a token sees no later one'),
      pooling: z
        .enum(['mean', 'class', 'attention', 'last'])
        .default('mean')
        .describe('how tokens become one vector'),
      activation: z.enum(['gelu', 'relu']).default('gelu').describe('of the feed-forward parts'),
      dropout: z.number().min(0).lt(1).default(0).describe('rate of every dropout'),
    }),
    ({ feedForward, ...options }) =>
      transformer(feedForward === undefined ? options : { ...options, feedForward }),
  ),
  vectorLstm: entry(
    'an LSTM over vectors that come from elsewhere; the last state',
    z.object({ in: size.describe("width of a step's vector"), width, activation }),
    vectorLstm,
  ),
});
