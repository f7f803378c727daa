import {
  article,
  bagOfWords,
  biLstm,
  cnn1d,
  fitBpeTokenizer,
  fitCharacterTokenizer,
  fitWordTokenizer,
  gru,
  type LstmConfig,
  type LstmParams,
  lstm,
  type TextLstmParams,
  type Tokenizer,
  tokenizerFromConfig,
  transformer,
  vectorLstm,
} from '@chainrule/encoders-text';
import { huggingFaceTokenizer } from '@chainrule/encoders-text/huggingface';
import { textEncoders } from '@chainrule/encoders-text/registry';
import type { Config, Encoder, Params } from '@chainrule/tensor';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import { expectTypeOf, it } from 'vitest';

it('types encoders, parameters and configs', () => {
  expectTypeOf(lstm).returns.toEqualTypeOf<Encoder<Tensor2D, TextLstmParams, LstmConfig>>();
  expectTypeOf(article).returns.toEqualTypeOf<ReturnType<typeof lstm>>();
  expectTypeOf(vectorLstm).returns.toExtend<Encoder<Tensor3D, LstmParams>>();
  // What a model of any encoders holds.
  expectTypeOf(lstm).returns.toExtend<Encoder>();
  expectTypeOf(bagOfWords).returns.toExtend<Encoder>();
  expectTypeOf(vectorLstm).returns.toExtend<Encoder>();
  expectTypeOf(gru).returns.toExtend<Encoder>();
  expectTypeOf(biLstm).returns.toExtend<Encoder>();
  expectTypeOf(cnn1d).returns.toExtend<Encoder>();
  expectTypeOf(transformer).returns.toExtend<Encoder>();
  expectTypeOf<TextLstmParams>().toExtend<Params>();
  expectTypeOf<LstmConfig>().toExtend<Config>();
  expectTypeOf(textEncoders.create).returns.toEqualTypeOf<Encoder>();
});

it('lets any tokenizer stand where another stood', () => {
  expectTypeOf(fitWordTokenizer).returns.toExtend<Tokenizer>();
  expectTypeOf(fitBpeTokenizer).returns.toExtend<Tokenizer>();
  expectTypeOf(fitCharacterTokenizer).returns.toExtend<Tokenizer>();
  expectTypeOf(huggingFaceTokenizer).returns.toExtend<Tokenizer>();
  expectTypeOf(tokenizerFromConfig).returns.toEqualTypeOf<Tokenizer>();
});

it('knows wrong options at compile time', () => {
  // @ts-expect-error the vocabulary's size is needed
  expectTypeOf(() => lstm({ width: 8 })).toBeFunction();
  // @ts-expect-error an LSTM's activation is tanh or relu
  expectTypeOf(() => lstm({ vocabulary: 8, activation: 'gelu' })).toBeFunction();
  // @ts-expect-error the article's activation is ReLU
  expectTypeOf(() => article({ vocabulary: 8, activation: 'tanh' })).toBeFunction();
  // @ts-expect-error there is no such way to pool
  expectTypeOf(() => transformer({ vocabulary: 8, pooling: 'max' })).toBeFunction();
});
