import {
  checkPositiveInteger,
  checkShape,
  type Encoder,
  type Key,
  type Params,
  split,
  uniformInit,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { checkIds, realWords } from './ids.js';
import { type LstmActivation, lstmSequence } from './lstm-sequence.js';
import {
  embeddingOf,
  initKernels,
  project,
  projectWords,
  type RecurrentParams,
} from './recurrent.js';

/**
 * W `[in, 4·width]`, R `[width, 4·width]` and b `[4·width]`: input, forget, candidate and output
 * gate side by side.
 */
export type LstmParams = RecurrentParams;

/** Glorot for W, orthogonal for R, 1 for the forget gate's bias (Jozefowicz et al., 2015). */
export function initLstm(key: Key, input: number, width: number): LstmParams {
  return {
    ...initKernels(key, input, width, 4),
    bias: tf.tensor1d(
      Float32Array.from({ length: 4 * width }, (_, i) => (i >= width && i < 2 * width ? 1 : 0)),
    ),
  };
}

export interface LstmOptions {
  /** Number of ids, padding and unknown included: `tokenizer.vocabulary.length`. */
  readonly vocabulary: number;
  /** Width of a word's vector; default 128. */
  readonly embedding?: number;
  /** Width of the state, which is the embedding of the text; default 128. */
  readonly width?: number;
  /** Of the candidate and the output; the gates are sigmoids. Default `tanh`. */
  readonly activation?: LstmActivation;
}

export type LstmConfig = { readonly type: 'lstm' } & {
  readonly [K in keyof LstmOptions]-?: NonNullable<LstmOptions[K]>;
};

export interface TextLstmParams extends Params {
  /** `[vocabulary, embedding]`, each number uniform in ±√3 (variance 1) at first. */
  readonly embedding: tf.Tensor2D;
  readonly lstm: LstmParams;
}

/**
 * Word vectors, then an LSTM: ids int32 `[batch, time]`, 0 = padding, all below `vocabulary` →
 * `vector` `[batch, width]`, the state after each text's last word, whatever padding follows;
 * `tokens` `[batch, time, width]`, the state after each word; `mask` `[batch, time]`.
 *
 * @throws ChainruleError `SHAPE` where ids are not int32 `[batch, time]`; `OPTION` where a size is
 * not a positive integer.
 * @example
 * const encoder = lstm({ vocabulary: tokenizer.vocabulary.length, width: 64 });
 * const ids = tf.tensor2d(tokenizer.encodeBatch(texts), [texts.length, tokenizer.maxLength]);
 * const { vector } = encoder.apply(encoder.init(key(0)), ids);
 */
export function lstm(options: LstmOptions): Encoder<tf.Tensor2D, TextLstmParams, LstmConfig> {
  const where = 'encoders-text.lstm';
  const config: LstmConfig = {
    type: 'lstm',
    vocabulary: options.vocabulary,
    embedding: options.embedding ?? 128,
    width: options.width ?? 128,
    activation: options.activation ?? 'tanh',
  };
  const { vocabulary, embedding, width, activation } = config;
  checkPositiveInteger(where, 'vocabulary', vocabulary);
  checkPositiveInteger(where, 'embedding', embedding);
  checkPositiveInteger(where, 'width', width);
  return {
    config,
    width,
    tokenWidth: width,
    init: (key) => ({
      embedding: uniformInit(Math.sqrt(3))(split(key, 'embedding'), [
        vocabulary,
        embedding,
      ]) as tf.Tensor2D,
      lstm: initLstm(split(key, 'lstm'), embedding, width),
    }),
    apply(params, ids) {
      checkIds(where, ids);
      return tf.tidy(() => {
        const mask = realWords(ids);
        const projected = projectWords(params.embedding, params.lstm, ids);
        const { recurrent } = params.lstm;
        const states = lstmSequence(projected, tf.transpose(mask), recurrent, activation);
        return embeddingOf(states, mask);
      });
    },
  };
}

/** The article's text encoder: word vectors of 128 → LSTM of 128 with ReLU. */
export function article(
  options: Omit<LstmOptions, 'activation'>,
): Encoder<tf.Tensor2D, TextLstmParams, LstmConfig> {
  return lstm({ ...options, activation: 'relu' });
}

export interface VectorLstmOptions {
  /** Width of a step's vector. */
  readonly in: number;
  /** Default 128. */
  readonly width?: number;
  /** Default `tanh`. */
  readonly activation?: LstmActivation;
}

export type VectorLstmConfig = { readonly type: 'vectorLstm' } & {
  readonly [K in keyof VectorLstmOptions]-?: NonNullable<VectorLstmOptions[K]>;
};

/**
 * The LSTM alone, on vectors that come from elsewhere: `[batch, time, in]` → `vector`
 * `[batch, width]`, the last state, and `tokens` `[batch, time, width]`. There is no padding: every
 * step counts.
 *
 * @example
 * const encoder = vectorLstm({ in: 128, width: 128, activation: 'relu' });
 */
export function vectorLstm(
  options: VectorLstmOptions,
): Encoder<tf.Tensor3D, LstmParams, VectorLstmConfig> {
  const where = 'encoders-text.vectorLstm';
  const config = {
    type: 'vectorLstm',
    in: options.in,
    width: options.width ?? 128,
    activation: options.activation ?? 'tanh',
  } as const;
  const { in: input, width, activation } = config;
  checkPositiveInteger(where, 'in', input);
  checkPositiveInteger(where, 'width', width);
  return {
    config,
    width,
    tokenWidth: width,
    init: (key) => initLstm(key, input, width),
    apply(params, vectors) {
      checkShape(where, 'vectors', vectors, ['batch', 'time', input]);
      return tf.tidy(() => {
        const [batch, time] = vectors.shape;
        const x = tf.reshape(tf.transpose(vectors, [1, 0, 2]), [time * batch, input]);
        const projected = project(params, x as tf.Tensor2D);
        const states = lstmSequence(
          tf.reshape(projected, [time, batch, 4 * width]),
          undefined,
          params.recurrent,
          activation,
        );
        return embeddingOf(states, tf.ones([batch, time]));
      });
    },
  };
}
