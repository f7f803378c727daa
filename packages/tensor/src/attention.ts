import * as tf from '@tensorflow/tfjs-core';
import { type DenseParams, dense } from './dense.js';
import { dropout } from './dropout.js';
import { ChainruleError } from './errors.js';
import type { Context, Module, Params } from './module.js';
import { split } from './random.js';
import { checkPositiveInteger, checkRate, checkShape } from './shapes.js';

/** Added to the logits of what is masked: its weight is exactly 0, and nothing becomes NaN. */
const LOWEST = -1e30;

/**
 * Scaled dot-product attention (Vaswani et al., 2017): softmax(q·kᵀ/√depth)·v, for every head of
 * every example.
 *
 * `[batch, heads, queries, depth]`, `[batch, heads, memory, depth]` twice → the queries' shape.
 * `mask` is `[batch, memory]`, 1 = to be seen, 0 = padding. Where all is padding the result is 0.
 *
 * @param drop is applied to the weights, `[batch, heads, queries, memory]`.
 */
export function scaledDotProductAttention(
  query: tf.Tensor4D,
  key: tf.Tensor4D,
  value: tf.Tensor4D,
  mask?: tf.Tensor2D,
  drop: (weights: tf.Tensor4D) => tf.Tensor4D = (weights) => weights,
): tf.Tensor4D {
  return tf.tidy(() => {
    const scaled = tf.mul(query, 1 / Math.sqrt(query.shape[3]));
    const logits = tf.matMul(scaled, key, false, true) as tf.Tensor4D;
    if (mask === undefined) return tf.matMul(drop(tf.softmax(logits)), value) as tf.Tensor4D;
    const [batch, memory] = mask.shape;
    const hidden = tf.reshape(tf.mul(tf.sub(1, mask), LOWEST), [batch, 1, 1, memory]);
    const weights = drop(tf.softmax(tf.add(logits, hidden)));
    // Zero values only matter where nothing may be seen, and cost less than masking the weights.
    const seen = tf.mul(value, tf.reshape(mask, [batch, 1, memory, 1]));
    return tf.matMul(weights, seen) as tf.Tensor4D;
  });
}

/** Applies a module of vectors to every token: `[batch, tokens, in]` → `[batch, tokens, out]`. */
export function tokenwise<P extends Params>(
  layer: Pick<Module<tf.Tensor2D, tf.Tensor2D, P>, 'apply'>,
  params: P,
  x: tf.Tensor3D,
  context?: Context,
): tf.Tensor3D {
  return tf.tidy(() => {
    const [batch, tokens, width] = x.shape;
    const y = layer.apply(params, tf.reshape(x, [batch * tokens, width]), context);
    return tf.reshape(y, [batch, tokens, y.shape[1]]) as tf.Tensor3D;
  });
}

export interface AttentionInput {
  /** What asks, `[batch, queries, queryWidth]`. */
  readonly query: tf.Tensor3D;
  /** What is asked, `[batch, memory, memoryWidth]`; default: the queries themselves. */
  readonly memory?: tf.Tensor3D;
  /** Of the memory, `[batch, memory]`, 1 = a real token, 0 = padding. */
  readonly mask?: tf.Tensor2D | undefined;
}

export interface AttentionOptions {
  /** Width of keys, values and output. */
  readonly width: number;
  /** How many heads; must divide width. Default 4. */
  readonly heads?: number;
  /** Default: width. */
  readonly queryWidth?: number;
  /** Default: width. */
  readonly memoryWidth?: number;
  /** Rate of the dropout of attention weights; default 0. */
  readonly dropout?: number;
}
export type AttentionConfig = { readonly type: 'attention' } & {
  readonly [K in keyof AttentionOptions]-?: NonNullable<AttentionOptions[K]>;
};
export interface AttentionParams extends Params {
  readonly query: DenseParams;
  /** Without bias: it would add the same number to all logits of a query. */
  readonly key: DenseParams;
  readonly value: DenseParams;
  readonly out: DenseParams;
}

/**
 * Multi-head attention: each query gathers from the memory,
 *
 * y = concat_h( softmax((W_q q)_h·(W_k m)_hᵀ/√depth)·(W_v m)_h )·W_o + b_o.
 *
 * `{ query, memory, mask }` → `[batch, queries, width]`.
 *
 * Source: Vaswani et al., Attention is all you need (2017).
 *
 * @throws ChainruleError `OPTION` where heads does not divide width; from `apply`, `SHAPE`.
 *
 * @example
 * const attention = multiHeadAttention({ width: 64, heads: 8 });
 * const y = attention.apply(attention.init(key(0)), { query: tf.ones([2, 5, 64]) });
 */
export function multiHeadAttention(
  options: AttentionOptions,
): Module<AttentionInput, tf.Tensor3D, AttentionParams, AttentionConfig> {
  const where = 'tensor.multiHeadAttention';
  const { width } = options;
  const config: AttentionConfig = {
    type: 'attention',
    heads: 4,
    queryWidth: width,
    memoryWidth: width,
    dropout: 0,
    ...options,
  };
  const { heads, queryWidth, memoryWidth } = config;
  for (const name of ['width', 'heads', 'queryWidth', 'memoryWidth'] as const) {
    checkPositiveInteger(where, name, config[name]);
  }
  checkRate(where, 'dropout', config.dropout);
  if (width % heads !== 0) {
    throw new ChainruleError(
      'OPTION',
      `${where}: heads must divide width, got ${heads} heads of width ${width}`,
    );
  }
  const ask = dense({ in: queryWidth, out: width });
  const offer = dense({ in: memoryWidth, out: width, bias: false });
  const give = dense({ in: memoryWidth, out: width });
  const out = dense({ in: width, out: width });

  const toHeads = (x: tf.Tensor3D): tf.Tensor4D => {
    const [batch, tokens] = x.shape;
    if (heads === 1) return tf.reshape(x, [batch, 1, tokens, width]);
    return tf.transpose(tf.reshape(x, [batch, tokens, heads, width / heads]), [0, 2, 1, 3]);
  };
  const fromHeads = (x: tf.Tensor4D): tf.Tensor3D => {
    const [batch, , tokens] = x.shape;
    return tf.reshape(heads === 1 ? x : tf.transpose(x, [0, 2, 1, 3]), [batch, tokens, width]);
  };

  return {
    config,
    init: (key) => ({
      query: ask.init(split(key, 'query')),
      key: offer.init(split(key, 'key')),
      value: give.init(split(key, 'value')),
      out: out.init(split(key, 'out')),
    }),
    apply(params, { query, memory = query, mask }, context = {}) {
      checkShape(where, 'query', query, ['batch', 'queries', queryWidth]);
      checkShape(where, 'memory', memory, [query.shape[0], 'memory', memoryWidth]);
      if (mask) checkShape(where, 'mask', mask, [memory.shape[0], memory.shape[1]]);
      return tf.tidy(() => {
        const gathered = scaledDotProductAttention(
          toHeads(tokenwise(ask, params.query, query)),
          toHeads(tokenwise(offer, params.key, memory)),
          toHeads(tokenwise(give, params.value, memory)),
          mask,
          (weights) => dropout(weights, config.dropout, context, 'weights'),
        );
        return tokenwise(out, params.out, fromHeads(gathered));
      });
    },
  };
}
