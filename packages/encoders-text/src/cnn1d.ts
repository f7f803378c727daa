import {
  activations,
  ChainruleError,
  checkPositiveInteger,
  type Encoder,
  glorotUniform,
  heNormal,
  type Params,
  split,
  uniformInit,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { checkIds, realWords } from './ids.js';

export interface Cnn1dOptions {
  /** Number of ids, padding and unknown included: `tokenizer.vocabulary.length`. */
  readonly vocabulary: number;
  /** Width of a word's vector; default 128. */
  readonly embedding?: number;
  /** How many words each kind of filter sees; default `[2, 3, 4]`. */
  readonly windows?: readonly number[];
  /** Filters of each window, so that the embedding is `filters·windows.length` wide; default 64. */
  readonly filters?: number;
  /** Default `relu`. */
  readonly activation?: 'relu' | 'tanh';
}

export type Cnn1dConfig = { readonly type: 'cnn1d' } & {
  readonly [K in keyof Cnn1dOptions]-?: NonNullable<Cnn1dOptions[K]>;
};

export interface ConvolutionParams extends Params {
  /** `[window·embedding, filters]`: the words of a window one after the other. */
  readonly kernel: tf.Tensor2D;
  readonly bias: tf.Tensor1D;
}

export interface Cnn1dParams extends Params {
  /** `[vocabulary, embedding]`, each number uniform in ±√3 (variance 1) at first. */
  readonly embedding: tf.Tensor2D;
  /** One a window. */
  readonly convolutions: readonly ConvolutionParams[];
}

/** Added to what is padding, so that it is never the largest. */
const LOWEST = -1e30;

/**
 * A text as the patterns of words that it has: filters slide over the word vectors, and each gives
 * its largest answer,
 *
 * c_t = f(W·[x_{t−a}; …; x_{t+b}] + b),  vector = max_t c_t,
 *
 * with a = ⌊(window − 1)/2⌋ words before and the rest after, for every window, side by side. Beyond
 * the text there are zeros.
 *
 * Ids int32 `[batch, time]`, 0 = padding, all below `vocabulary` → `vector` `[batch, width]`;
 * `tokens` `[batch, time, width]`, each filter's answer at each word; `mask` `[batch, time]`. A row
 * of padding alone gives zeros. `width` is `filters·windows.length`.
 *
 * Source: Kim, Convolutional neural networks for sentence classification (2014); here windows may
 * reach beyond the text, as in its reference implementation's padding.
 *
 * @throws ChainruleError `SHAPE` where ids are not int32 `[batch, time]`; `OPTION` where a size is
 * not a positive integer or there is no window.
 * @example
 * const encoder = cnn1d({ vocabulary: tokenizer.vocabulary.length, windows: [3, 5] });
 * const { vector } = encoder.apply(encoder.init(key(0)), ids);
 */
export function cnn1d(options: Cnn1dOptions): Encoder<tf.Tensor2D, Cnn1dParams, Cnn1dConfig> {
  const where = 'encoders-text.cnn1d';
  const config: Cnn1dConfig = {
    type: 'cnn1d',
    embedding: 128,
    windows: [2, 3, 4],
    filters: 64,
    activation: 'relu',
    ...options,
  };
  const { vocabulary, embedding, windows, filters, activation } = config;
  for (const name of ['vocabulary', 'embedding', 'filters'] as const) {
    checkPositiveInteger(where, name, config[name]);
  }
  for (const window of windows) checkPositiveInteger(where, 'each of windows', window);
  if (windows.length === 0) {
    throw new ChainruleError('OPTION', `${where}: windows must name at least one width, as [2, 3]`);
  }
  const width = filters * windows.length;
  const initial = activation === 'relu' ? heNormal : glorotUniform;

  /** The filters' answers before f, `[batch, time, filters]`: one product over all windows. */
  function convolve({ kernel, bias }: ConvolutionParams, words: tf.Tensor3D, window: number) {
    const [batch, time] = words.shape;
    const before = Math.floor((window - 1) / 2);
    const padded = tf.pad(words, [
      [0, 0],
      [before, window - 1 - before],
      [0, 0],
    ]);
    const shifted = Array.from({ length: window }, (_, i) =>
      tf.slice(padded, [0, i, 0], [batch, time, embedding]),
    );
    const rows: tf.Tensor2D = tf.reshape(tf.concat(shifted, 2), [batch * time, window * embedding]);
    const answers = tf.add(tf.matMul(rows, kernel), bias);
    return tf.reshape(answers, [batch, time, filters]) as tf.Tensor3D;
  }

  return {
    config,
    width,
    tokenWidth: width,
    init: (key) => ({
      embedding: uniformInit(Math.sqrt(3))(split(key, 'embedding'), [
        vocabulary,
        embedding,
      ]) as tf.Tensor2D,
      convolutions: windows.map((window, i) => ({
        kernel: initial(split(split(key, 'convolutions'), i), [
          window * embedding,
          filters,
        ]) as tf.Tensor2D,
        bias: tf.zeros([filters]) as tf.Tensor1D,
      })),
    }),
    apply(params, ids) {
      checkIds(where, ids);
      return tf.tidy(() => {
        const mask = realWords(ids);
        const real = tf.expandDims(mask, 2);
        const words: tf.Tensor3D = tf.mul(tf.gather(params.embedding, ids), real);
        const answers = windows.map((window, i) =>
          convolve(params.convolutions[i]!, words, window),
        );
        const tokens: tf.Tensor3D = tf.mul(activations[activation](tf.concat(answers, 2)), real);
        const hidden = tf.mul(tf.sub(1, real), LOWEST);
        const largest = maxOverTime(tf.add(tokens, hidden));
        const vector: tf.Tensor2D = tf.mul(largest, tf.max(mask, 1, true));
        return { vector, tokens, mask };
      });
    },
  };
}

/**
 * The largest over time, `[batch, time, width]` → `[batch, width]`. Where several are the largest
 * (a phrase that occurs twice), they share the gradient; tfjs gives all of it to each.
 */
const maxOverTime = tf.customGrad((...args) => {
  const [x, save] = args as [tf.Tensor, tf.GradSaveFunc];
  const value = tf.max(x, 1);
  save([x, value]);
  return {
    value,
    gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [x, value] = saved as [tf.Tensor, tf.Tensor];
      const hits = tf.cast(tf.equal(x, tf.expandDims(value, 1)), 'float32');
      return tf.mul(hits, tf.expandDims(tf.div(dy, tf.sum(hits, 1)), 1));
    },
  };
});
