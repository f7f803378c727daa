import {
  checkPositiveInteger,
  checkShape,
  type Embedding,
  type Encoder,
  glorotUniform,
  type Key,
  orthogonal,
  type Params,
  split,
  uniformInit,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { checkIds, realWords } from './ids.js';
import { type LstmActivation, lstmSequence } from './lstm-sequence.js';

export interface LstmParams extends Params {
  /** W, `[in, 4·width]`: input, forget, candidate and output gate side by side. */
  readonly kernel: tf.Tensor2D;
  /** R, `[width, 4·width]`. */
  readonly recurrent: tf.Tensor2D;
  /** b, `[4·width]`; the forget gate's part starts at 1. */
  readonly bias: tf.Tensor1D;
}

/** Glorot for W, orthogonal for R, 1 for the forget gate's bias (Jozefowicz et al., 2015). */
function initLstm(key: Key, input: number, width: number): LstmParams {
  return {
    kernel: glorotUniform(split(key, 'kernel'), [input, 4 * width]) as tf.Tensor2D,
    recurrent: orthogonal()(split(key, 'recurrent'), [width, 4 * width]) as tf.Tensor2D,
    bias: tf.tensor1d(
      Float32Array.from({ length: 4 * width }, (_, i) => (i >= width && i < 2 * width ? 1 : 0)),
    ),
  };
}

/** x·W + b for rows of any number at once, `[rows, in]` → `[rows, 4·width]`. */
const project = ({ kernel, bias }: LstmParams, x: tf.Tensor2D): tf.Tensor2D =>
  tf.add(tf.matMul(x, kernel), bias);

/** Runs the recurrence over `[time, batch, 4·width]`; `mask` is `[batch, time]`. */
function run(
  params: LstmParams,
  projected: tf.Tensor3D,
  mask: tf.Tensor2D,
  activation: LstmActivation,
) {
  const states = lstmSequence(projected, tf.transpose(mask), params.recurrent, activation);
  const [time, batch, width] = states.shape;
  return {
    vector: tf.reshape(tf.slice(states, [time - 1, 0, 0]), [batch, width]),
    tokens: tf.transpose(states, [1, 0, 2]) as tf.Tensor3D,
    mask,
  } satisfies Embedding;
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
        const [batch, time] = ids.shape;
        // As floats, which hold every id exactly: oneDNN has no transpose of integers, and says so.
        const byTime = tf.cast(tf.transpose(tf.cast(ids, 'float32')), 'int32');
        const rows = tf.reshape(byTime, [time * batch]) as tf.Tensor1D;
        // Looking words up and projecting them commute: the smaller of the two is projected.
        const projected =
          vocabulary <= time * batch
            ? tf.gather(project(params.lstm, params.embedding), rows)
            : project(params.lstm, tf.gather(params.embedding, rows));
        return run(
          params.lstm,
          tf.reshape(projected, [time, batch, 4 * width]),
          realWords(ids),
          activation,
        );
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
        return run(
          params,
          tf.reshape(project(params, x as tf.Tensor2D), [time, batch, 4 * width]),
          tf.ones([batch, time]),
          activation,
        );
      });
    },
  };
}
