import {
  type AttentionParams,
  ChainruleError,
  causalMask,
  checkPositiveInteger,
  checkRate,
  childContext,
  dropout,
  type Encoder,
  multiHeadAttention,
  type Params,
  rotaryPositions,
  type TransformerParams as StackParams,
  sinusoidalPositions,
  split,
  transformer as transformerStack,
  uniformInit,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { checkIds, realWords } from './ids.js';

export interface TransformerOptions {
  /** Number of ids, padding and unknown included: `tokenizer.vocabulary.length`. */
  readonly vocabulary: number;
  /** Width of tokens and embedding; default 128. */
  readonly width?: number;
  /** Default 2. */
  readonly layers?: number;
  /** Heads of each attention; must divide width. Default 4. */
  readonly heads?: number;
  /** Width of the hidden layer of each feed-forward part; default 4·width. */
  readonly feedForward?: number;
  /** Words of the longest text that learned positions reach; others have no limit. Default 128. */
  readonly maxLength?: number;
  /** How tokens know where they stand; default `learned`. */
  readonly positions?: 'learned' | 'sinusoidal' | 'rotary';
  /** Whether a token sees no later one; default false. */
  readonly causal?: boolean;
  /**
   * How tokens become one vector; default `mean`. `class`: a learned token that stands in front;
   * `attention`: a learned query that attends to all; `last`: the last word.
   */
  readonly pooling?: 'mean' | 'class' | 'attention' | 'last';
  /** Of the feed-forward parts; default `gelu` (by its tanh approximation). */
  readonly activation?: 'gelu' | 'relu';
  /** Rate of every dropout; default 0. */
  readonly dropout?: number;
}

export type TransformerConfig = { readonly type: 'transformer' } & {
  readonly [K in keyof TransformerOptions]-?: NonNullable<TransformerOptions[K]>;
};

export interface TransformerParams extends Params {
  /** `[vocabulary, width]`, each number uniform in ±√3 (variance 1) at first. */
  readonly embedding: tf.Tensor2D;
  /** `[maxLength, width]`, like the words' at first. Present with `positions: 'learned'`. */
  readonly positions?: tf.Tensor2D;
  /** `[width]`, present with `pooling: 'class'`. */
  readonly class?: tf.Tensor1D;
  readonly stack: StackParams;
  /** Present with `pooling: 'attention'`. */
  readonly pool?: { readonly query: tf.Tensor1D; readonly attention: AttentionParams };
}

/**
 * A transformer encoder that normalises first: x = E[ids] + P, then for each layer
 *
 * x ← x + MHA(LN(x)),  x ← x + W₂ f(W₁ LN(x) + b₁) + b₂,
 *
 * a last LN, and pooling over the real words. Ids int32 `[batch, time]`, 0 = padding, all below
 * `vocabulary` → `vector` `[batch, width]`; `tokens` `[batch, time, width]` (the class token is
 * left out); `mask` `[batch, time]`. Padding is never seen. A row of padding alone has a vector of
 * zeros with `mean` and `last`.
 *
 * Source: Vaswani et al. (2017); the norms' place, Xiong et al. (2020); rotary positions, Su et al.
 * (2021), which turn queries and keys in every layer; the class token, Devlin et al. (2019); pooling
 * by attention, Lee et al. (2019).
 *
 * @throws ChainruleError `OPTION` for a size out of range, heads that do not divide width, a class
 * token in a causal encoder (it would see nothing but itself); from `apply`, `SHAPE` where ids are
 * not int32 `[batch, time]` or longer than learned positions reach.
 *
 * @example
 * const encoder = transformer({ vocabulary: tokenizer.vocabulary.length, width: 256, heads: 8 });
 * const ids = tf.tensor2d(tokenizer.encodeBatch(texts), [texts.length, tokenizer.maxLength], 'int32');
 * const { vector } = encoder.apply(encoder.init(key(0)), ids);
 */
export function transformer(
  options: TransformerOptions,
): Encoder<tf.Tensor2D, TransformerParams, TransformerConfig> {
  const where = 'encoders-text.transformer';
  const width = options.width ?? 128;
  const config: TransformerConfig = {
    type: 'transformer',
    width,
    layers: 2,
    heads: 4,
    feedForward: 4 * width,
    maxLength: 128,
    positions: 'learned',
    causal: false,
    pooling: 'mean',
    activation: 'gelu',
    dropout: 0,
    ...options,
  };
  const { vocabulary, heads, maxLength, positions, causal, pooling, dropout: rate } = config;
  for (const name of ['vocabulary', 'width', 'heads', 'feedForward', 'maxLength'] as const) {
    checkPositiveInteger(where, name, config[name]);
  }
  checkRate(where, 'dropout', rate);
  if (causal && pooling === 'class') {
    throw new ChainruleError(
      'OPTION',
      `${where}: the class token of a causal encoder would see nothing but itself; use pooling "last", "mean" or "attention"`,
    );
  }
  if (positions === 'rotary' && width % (2 * heads) !== 0) {
    throw new ChainruleError(
      'OPTION',
      `${where}: rotary positions turn pairs of numbers, so width must be an even multiple of heads, got ${width} and ${heads} heads`,
    );
  }
  const stack = transformerStack({
    width,
    layers: config.layers,
    heads,
    hidden: config.feedForward,
    activation: config.activation,
    dropout: rate,
  });
  const pool = multiHeadAttention({ width, heads });
  const initial = uniformInit(Math.sqrt(3));

  /** A learned vector as a token of each text, `[batch, 1, width]`. */
  const repeated = (vector: tf.Tensor1D, batch: number) =>
    tf.tile(tf.reshape(vector, [1, 1, width]), [batch, 1, 1]) as tf.Tensor3D;

  /** The words' vectors and positions, behind the class token if there is one. */
  function embed(params: TransformerParams, ids: tf.Tensor2D): tf.Tensor3D {
    const [batch, time] = ids.shape;
    const words: tf.Tensor = tf.gather(params.embedding, ids);
    const table = {
      learned: () => tf.slice(params.positions!, 0, time),
      sinusoidal: () => sinusoidalPositions(time, width),
      rotary: undefined,
    }[positions];
    const placed = (table ? tf.add(words, table()) : words) as tf.Tensor3D;
    return params.class ? tf.concat([repeated(params.class, batch), placed], 1) : placed;
  }

  return {
    config,
    width,
    tokenWidth: width,
    init: (key) => ({
      embedding: initial(split(key, 'embedding'), [vocabulary, width]) as tf.Tensor2D,
      ...(positions === 'learned'
        ? { positions: initial(split(key, 'positions'), [maxLength, width]) as tf.Tensor2D }
        : {}),
      ...(pooling === 'class'
        ? { class: initial(split(key, 'class'), [width]) as tf.Tensor1D }
        : {}),
      stack: stack.init(split(key, 'stack')),
      ...(pooling === 'attention'
        ? {
            pool: {
              query: initial(split(key, 'query'), [width]) as tf.Tensor1D,
              attention: pool.init(split(key, 'pool')),
            },
          }
        : {}),
    }),
    apply(params, ids, context = {}) {
      checkIds(where, ids);
      const [batch, time] = ids.shape;
      if (positions === 'learned' && time > maxLength) {
        throw new ChainruleError(
          'SHAPE',
          `${where}: ids are ${time} long and the positions reach ${maxLength}; cut the texts (the tokenizer's maxLength) or make the encoder with a larger maxLength`,
        );
      }
      return tf.tidy(() => {
        const mask = realWords(ids);
        const x = embed(params, ids);
        const length = x.shape[1];
        const seen: tf.Tensor2D = length > time ? tf.concat([tf.ones([batch, 1]), mask], 1) : mask;
        const y = stack.apply(
          params.stack,
          {
            tokens: dropout(x, rate, context, 'embedding'),
            mask: causal ? causalMask(seen) : seen,
            rotary: positions === 'rotary' ? rotaryPositions(length, width / heads) : undefined,
          },
          childContext(context, 'stack'),
        );
        const row = (x: tf.Tensor) => tf.reshape(x, [batch, width]) as tf.Tensor2D;
        if (pooling === 'class') {
          const [first, tokens] = tf.split(y, [1, time], 1) as [tf.Tensor, tf.Tensor3D];
          return { vector: row(first), tokens, mask };
        }
        if (pooling === 'attention') {
          const query = repeated(params.pool!.query, batch);
          const pooled = pool.apply(params.pool!.attention, { query, memory: y, mask });
          return { vector: row(pooled), tokens: y, mask };
        }
        const weights = tf.expandDims(pooling === 'mean' ? average(mask) : last(mask), 1);
        return { vector: row(tf.matMul(weights, y)), tokens: y, mask };
      });
    },
  };
}

/** `[batch, time]`: 1/n for each of a row's n words. */
const average = (mask: tf.Tensor2D): tf.Tensor =>
  tf.div(mask, tf.maximum(tf.sum(mask, 1, true), 1));

/** `[batch, time]`: 1 for a row's last word, after which no other stands. */
const last = (mask: tf.Tensor2D): tf.Tensor => {
  const later = tf.cumsum(mask, 1, true, true);
  return tf.mul(mask, tf.cast(tf.equal(later, 0), 'float32'));
};
