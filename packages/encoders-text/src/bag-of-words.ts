import {
  type Activation,
  activations,
  checkPositiveInteger,
  type Encoder,
  type Params,
  split,
  uniformInit,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { checkIds, realWords } from './ids.js';

export interface BagOfWordsOptions {
  /** Number of ids, padding and unknown included: `tokenizer.vocabulary.length`. */
  readonly vocabulary: number;
  /** Width of the embedding; default 128. */
  readonly width?: number;
  /** Default `relu`. */
  readonly activation?: Activation;
  /** Whether the words' vectors are averaged or added; default `mean`. */
  readonly combine?: 'mean' | 'sum';
}

export type BagOfWordsConfig = { readonly type: 'bagOfWords' } & {
  readonly [K in keyof BagOfWordsOptions]-?: NonNullable<BagOfWordsOptions[K]>;
};

export interface BagOfWordsParams extends Params {
  /** A vector for each word, `[vocabulary, width]`. */
  readonly kernel: tf.Tensor2D;
  readonly bias: tf.Tensor1D;
}

/**
 * A text as the set of its words, their order ignored: f(mean over its words of W[word] + b), which
 * is a dense layer on the counts of the words divided by their number.
 *
 * Ids int32 `[batch, time]` (0 = padding) → `vector` `[batch, width]`; `tokens`
 * `[batch, time, width]`, the vector of each word (0 at padding); `mask` `[batch, time]`. A row of
 * padding alone gives f(b).
 *
 * @throws ChainruleError `SHAPE` where ids are not int32 `[batch, time]`.
 * @example
 * const encoder = bagOfWords({ vocabulary: tokenizer.vocabulary.length, width: 32 });
 */
export function bagOfWords(
  options: BagOfWordsOptions,
): Encoder<tf.Tensor2D, BagOfWordsParams, BagOfWordsConfig> {
  const where = 'encoders-text.bagOfWords';
  const config: BagOfWordsConfig = {
    type: 'bagOfWords',
    vocabulary: options.vocabulary,
    width: options.width ?? 128,
    activation: options.activation ?? 'relu',
    combine: options.combine ?? 'mean',
  };
  const { vocabulary, width, activation, combine } = config;
  checkPositiveInteger(where, 'vocabulary', vocabulary);
  checkPositiveInteger(where, 'width', width);
  return {
    config,
    width,
    tokenWidth: width,
    init: (key) => ({
      kernel: uniformInit(Math.sqrt(3))(split(key, 'kernel'), [vocabulary, width]) as tf.Tensor2D,
      bias: tf.zeros([width]),
    }),
    apply(params, ids) {
      checkIds(where, ids);
      return tf.tidy(() => {
        const mask = realWords(ids);
        const tokens = tf.mul(tf.gather(params.kernel, ids), tf.expandDims(mask, 2)) as tf.Tensor3D;
        const sum = tf.sum(tokens, 1);
        const total = combine === 'sum' ? sum : tf.div(sum, tf.maximum(tf.sum(mask, 1, true), 1));
        const vector = activations[activation](tf.add(total, params.bias)) as tf.Tensor2D;
        return { vector, tokens, mask };
      });
    },
  };
}
