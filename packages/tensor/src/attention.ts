import * as tf from '@tensorflow/tfjs-core';
import { type DenseParams, dense } from './dense.js';
import { dropout } from './dropout.js';
import { ChainruleError } from './errors.js';
import { foldedAttention, isFolded } from './folded-attention.js';
import { ATTENTION, fusedAttention } from './fused-attention.js';
import { hasKernel } from './kernels.js';
import type { Context, Module, Params } from './module.js';
import { split } from './random.js';
import { type Rotary, rotate } from './rotary.js';
import { checkPositiveInteger, checkRate, checkShape } from './shapes.js';

/** Added to the logits of what is masked: its weight is exactly 0, and nothing becomes NaN. */
const LOWEST = -1e30;

/**
 * Which tokens of the memory may be seen, 1 = yes, 0 = no: `[batch, memory]` (0 = padding), or
 * `[batch, queries, memory]` where queries see different tokens.
 */
export type AttentionMask = tf.Tensor2D | tf.Tensor3D;

/**
 * Scaled dot-product attention (Vaswani et al., 2017): softmax(q·kᵀ/√depth)·v, for every head of
 * every example.
 *
 * `[batch, heads, queries, depth]`, `[batch, heads, memory, depth]` twice → the queries' shape.
 * A query that may see nothing gets 0.
 *
 * @param drop is applied to the weights, `[batch, heads, queries, memory]`.
 */
export function scaledDotProductAttention(
  query: tf.Tensor4D,
  key: tf.Tensor4D,
  value: tf.Tensor4D,
  mask?: AttentionMask,
  drop: (weights: tf.Tensor4D) => tf.Tensor4D = (weights) => weights,
): tf.Tensor4D {
  return tf.tidy(() => {
    const scaled = tf.mul(query, 1 / Math.sqrt(query.shape[3]));
    const logits = tf.matMul(scaled, key, false, true) as tf.Tensor4D;
    if (mask === undefined) return tf.matMul(drop(tf.softmax(logits)), value) as tf.Tensor4D;
    const [batch, memory] = [mask.shape[0], mask.shape.at(-1)!];
    const seen = tf.reshape(mask, [batch, 1, -1, memory]) as tf.Tensor4D;
    const weights = drop(tf.softmax(tf.add(logits, tf.mul(tf.sub(1, seen), LOWEST))));
    return tf.mul(tf.matMul(weights, value), tf.max(seen, 3, true)) as tf.Tensor4D;
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
  /** Of the memory, `[batch, memory]` or `[batch, queries, memory]`. */
  readonly mask?: AttentionMask | undefined;
  /** Turns queries and keys by their positions; of as many tokens as the queries are. */
  readonly rotary?: Rotary | undefined;
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
 * Where few queries ask a large memory, W_k is multiplied with the queries and W_v with what they
 * gather, which gives the same for less.
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

  return {
    config,
    init: (key) => ({
      query: ask.init(split(key, 'query')),
      key: offer.init(split(key, 'key')),
      value: give.init(split(key, 'value')),
      out: out.init(split(key, 'out')),
    }),
    apply(params, { query, memory = query, mask, rotary }, context = {}) {
      checkShape(where, 'query', query, ['batch', 'queries', queryWidth]);
      checkShape(where, 'memory', memory, [query.shape[0], 'memory', memoryWidth]);
      const [batch, tokens] = memory.shape;
      const queries = mask?.rank === 3 ? [query.shape[1]] : [];
      if (mask) checkShape(where, 'mask', mask, [batch, ...queries, tokens]);
      const plain = rotary === undefined && (config.dropout === 0 || context.training !== true);
      const sizes = { queries: query.shape[1], memory: tokens, memoryWidth, width, heads };
      return tf.tidy(() => {
        const q = tokenwise(ask, params.query, query);
        if (plain && mask?.rank !== 3 && isFolded(sizes)) {
          const seen = mask && tf.reshape(tf.max(mask, 1), [batch, 1, 1]);
          const attend = (x: tf.Tensor3D, m: tf.Tensor3D) => attention(x, m, m, 1, mask);
          const y = foldedAttention(q, memory, params, heads, attend, seen);
          return tokenwise(out, params.out, y);
        }
        const k = tokenwise(offer, params.key, memory);
        const v = tokenwise(give, params.value, memory);
        if (plain) return tokenwise(out, params.out, attention(q, k, v, heads, mask));
        const turned = (x: tf.Tensor4D) => (rotary ? rotate(x, rotary) : x);
        const gathered = scaledDotProductAttention(
          turned(toHeads(q, heads)),
          turned(toHeads(k, heads)),
          toHeads(v, heads),
          mask,
          (weights) => dropout(weights, config.dropout, context, 'weights'),
        );
        return tokenwise(out, params.out, fromHeads(gathered));
      });
    },
  };
}

/** Attention of heads that lie side by side, by the backend's kernel where it has one. */
function attention(
  q: tf.Tensor3D,
  k: tf.Tensor3D,
  v: tf.Tensor3D,
  heads: number,
  mask: AttentionMask | undefined,
): tf.Tensor3D {
  if (hasKernel(ATTENTION, q.shape[2] / heads)) return fusedAttention(q, k, v, heads, mask);
  const parts = [q, k, v].map((x) => toHeads(x, heads)) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
  return fromHeads(scaledDotProductAttention(...parts, mask));
}

function toHeads(x: tf.Tensor3D, heads: number): tf.Tensor4D {
  const [batch, tokens, width] = x.shape;
  if (heads === 1) return tf.reshape(x, [batch, 1, tokens, width]);
  return tf.transpose(tf.reshape(x, [batch, tokens, heads, width / heads]), [0, 2, 1, 3]);
}

function fromHeads(x: tf.Tensor4D): tf.Tensor3D {
  const [batch, heads, tokens, depth] = x.shape;
  const width = heads * depth;
  return tf.reshape(heads === 1 ? x : tf.transpose(x, [0, 2, 1, 3]), [batch, tokens, width]);
}
