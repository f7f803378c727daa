import {
  ChainruleError,
  checkPositiveInteger,
  type Encoder,
  type Params,
  split,
  uniformInit,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { checkIds, realWords } from './ids.js';
import { initLstm, type LstmOptions, type LstmParams } from './lstm.js';
import { lstmSequence } from './lstm-sequence.js';
import { lastState, projectWords } from './recurrent.js';

export type BiLstmOptions = LstmOptions;

export type BiLstmConfig = { readonly type: 'biLstm' } & {
  readonly [K in keyof BiLstmOptions]-?: NonNullable<BiLstmOptions[K]>;
};

export interface BiLstmParams extends Params {
  /** `[vocabulary, embedding]`, each number uniform in ±√3 (variance 1) at first. */
  readonly embedding: tf.Tensor2D;
  readonly forward: LstmParams;
  readonly backward: LstmParams;
}

/**
 * Two LSTMs of width/2 over the same word vectors, one from the first word on and one from the last
 * word back (Graves and Schmidhuber, 2005). The one that goes back begins at each text's own last
 * word, whatever padding follows.
 *
 * Ids int32 `[batch, time]`, 0 = padding, all below `vocabulary` → `vector` `[batch, width]`, the
 * two last states side by side (after the last word, and after the first); `tokens`
 * `[batch, time, width]`, the two states at each word; `mask` `[batch, time]`.
 *
 * @throws ChainruleError `SHAPE` where ids are not int32 `[batch, time]`; `OPTION` where a size is
 * not a positive integer or `width` is odd.
 * @example
 * const encoder = biLstm({ vocabulary: tokenizer.vocabulary.length, width: 128 });
 * const { vector } = encoder.apply(encoder.init(key(0)), ids);
 */
export function biLstm(options: BiLstmOptions): Encoder<tf.Tensor2D, BiLstmParams, BiLstmConfig> {
  const where = 'encoders-text.biLstm';
  const config: BiLstmConfig = {
    type: 'biLstm',
    embedding: 128,
    width: 128,
    activation: 'tanh',
    ...options,
  };
  const { vocabulary, embedding, width, activation } = config;
  for (const name of ['vocabulary', 'embedding', 'width'] as const) {
    checkPositiveInteger(where, name, config[name]);
  }
  if (width % 2 !== 0) {
    throw new ChainruleError(
      'OPTION',
      `${where}: width must be even, half for each direction, got ${width}`,
    );
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
      forward: initLstm(split(key, 'forward'), embedding, width / 2),
      backward: initLstm(split(key, 'backward'), embedding, width / 2),
    }),
    apply({ embedding, forward, backward }, ids) {
      checkIds(where, ids);
      return tf.tidy(() => {
        const run = (params: LstmParams, ids: tf.Tensor2D) =>
          lstmSequence(
            projectWords(embedding, params, ids),
            tf.transpose(realWords(ids)),
            params.recurrent,
            activation,
          );
        const there = run(forward, ids);
        // Reversed, the padding comes first, and there the state stays 0.
        const back = run(backward, tf.reverse(ids, 1));
        const states = tf.concat([there, tf.reverse(back, 0)], 2);
        return {
          vector: tf.concat([lastState(there), lastState(back)], 1),
          tokens: tf.transpose(states, [1, 0, 2]),
          mask: realWords(ids),
        };
      });
    },
  };
}
