import type { Encoder } from '@chainrule/tensor';
import { entry, type Registry, registry } from '@chainrule/tensor/registry';
import { z } from 'zod';
import { bagOfWords } from './bag-of-words.js';
import { article, lstm, vectorLstm } from './lstm.js';

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
  lstm: entry(
    'word vectors, then an LSTM; the state after the last word',
    z.object({ vocabulary, embedding, width, activation }),
    lstm,
  ),
  vectorLstm: entry(
    'an LSTM over vectors that come from elsewhere; the last state',
    z.object({ in: size.describe("width of a step's vector"), width, activation }),
    vectorLstm,
  ),
});
