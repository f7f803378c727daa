import {
  checkPositiveInteger,
  type Encoder,
  type Params,
  split,
  uniformInit,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { gruSequence } from './gru-sequence.js';
import { checkIds, realWords } from './ids.js';
import { embeddingOf, initKernels, projectWords, type RecurrentParams } from './recurrent.js';

/** W `[in, 3·width]`, R `[width, 3·width]`, b `[3·width]`: reset, update and candidate side by side. */
export interface GruParams extends RecurrentParams {
  /** Of what the candidate hears of the state, inside the reset gate: `[width]`. */
  readonly candidateBias: tf.Tensor1D;
}

export interface GruOptions {
  /** Number of ids, padding and unknown included: `tokenizer.vocabulary.length`. */
  readonly vocabulary: number;
  /** Width of a word's vector; default 128. */
  readonly embedding?: number;
  /** Width of the state, which is the embedding of the text; default 128. */
  readonly width?: number;
}

export type GruConfig = { readonly type: 'gru' } & {
  readonly [K in keyof GruOptions]-?: NonNullable<GruOptions[K]>;
};

export interface TextGruParams extends Params {
  /** `[vocabulary, embedding]`, each number uniform in ±√3 (variance 1) at first. */
  readonly embedding: tf.Tensor2D;
  readonly gru: GruParams;
}

/**
 * Word vectors, then a gated recurrent unit:
 *
 * r = σ(W_r x + R_r h + b_r),  z = σ(W_z x + R_z h + b_z),
 * n = tanh(W_n x + b_n + r ⊙ (R_n h + b_m)),  h ← (1 − z) ⊙ n + z ⊙ h.
 *
 * Ids int32 `[batch, time]`, 0 = padding, all below `vocabulary` → `vector` `[batch, width]`, the
 * state after each text's last word, whatever padding follows; `tokens` `[batch, time, width]`, the
 * state after each word; `mask` `[batch, time]`. Three quarters of an LSTM's parameters.
 *
 * Source: Cho et al. (2014), in PyTorch's and Keras' form: the reset gate acts after the product
 * with R (there before it), and b_m is inside it.
 *
 * @throws ChainruleError `SHAPE` where ids are not int32 `[batch, time]`; `OPTION` where a size is
 * not a positive integer.
 * @example
 * const encoder = gru({ vocabulary: tokenizer.vocabulary.length, width: 64 });
 * const { vector } = encoder.apply(encoder.init(key(0)), ids);
 */
export function gru(options: GruOptions): Encoder<tf.Tensor2D, TextGruParams, GruConfig> {
  const where = 'encoders-text.gru';
  const config: GruConfig = { type: 'gru', embedding: 128, width: 128, ...options };
  const { vocabulary, embedding, width } = config;
  for (const name of ['vocabulary', 'embedding', 'width'] as const) {
    checkPositiveInteger(where, name, config[name]);
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
      gru: {
        ...initKernels(split(key, 'gru'), embedding, width, 3),
        bias: tf.zeros([3 * width]),
        candidateBias: tf.zeros([width]),
      },
    }),
    apply({ embedding, gru }, ids) {
      checkIds(where, ids);
      return tf.tidy(() => {
        const mask = realWords(ids);
        const projected = projectWords(embedding, gru, ids);
        const states = gruSequence(projected, tf.transpose(mask), gru.recurrent, gru.candidateBias);
        return embeddingOf(states, mask);
      });
    },
  };
}
