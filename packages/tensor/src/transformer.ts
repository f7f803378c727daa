import * as tf from '@tensorflow/tfjs-core';
import { type Activation, activations } from './activations.js';
import {
  type AttentionMask,
  type AttentionParams,
  multiHeadAttention,
  tokenwise,
} from './attention.js';
import { type DenseParams, dense } from './dense.js';
import { dropout } from './dropout.js';
import { childContext, type Module, type Params } from './module.js';
import { lookUp } from './names.js';
import { layerNorm, type NormParams } from './norms.js';
import { split } from './random.js';
import type { Rotary } from './rotary.js';
import { checkPositiveInteger, checkRate } from './shapes.js';

export interface TransformerLayerOptions {
  /** Width of the tokens. */
  readonly width: number;
  /** Heads of the attention; must divide width. Default 4. */
  readonly heads?: number;
  /** Width of the hidden layer of the feed-forward part; default 4·width. */
  readonly hidden?: number;
  /** Of that hidden layer; default `gelu`. */
  readonly activation?: Activation;
  /** Rate of every dropout in the layer; default 0. */
  readonly dropout?: number;
  /** True: the tokens attend to a memory instead of to one another. Default false. */
  readonly cross?: boolean;
}
export type TransformerLayerConfig = { readonly type: 'transformerLayer' } & {
  readonly [K in keyof TransformerLayerOptions]-?: NonNullable<TransformerLayerOptions[K]>;
};
export interface TransformerLayerParams extends Params {
  readonly norm: NormParams;
  /** Present where `cross` is set. */
  readonly memoryNorm?: NormParams;
  readonly attention: AttentionParams;
  readonly feedForwardNorm: NormParams;
  readonly hidden: DenseParams;
  readonly out: DenseParams;
}
export interface TransformerInput {
  /** `[batch, tokens, width]`. */
  readonly tokens: tf.Tensor3D;
  /** What a layer with `cross` attends to, `[batch, memory, width]`. */
  readonly memory?: tf.Tensor3D;
  /**
   * Of what is attended to, 1 = to be seen, 0 = padding: `[batch, tokens]`, of a memory
   * `[batch, memory]`; or for each token what it may see, `[batch, tokens, tokens]`
   * ({@link causalMask}).
   */
  readonly mask?: AttentionMask | undefined;
  /** Positions that turn queries and keys; not with `cross`. */
  readonly rotary?: Rotary | undefined;
  /** How many tokens of the output are wanted, from the first; default all. A class token needs 1. */
  readonly outputs?: number;
}

/**
 * A transformer layer that normalises first (Xiong et al., 2020):
 *
 * x ← x + MHA(LN(x)),  x ← x + W₂ f(W₁ LN(x) + b₁) + b₂;
 *
 * with `cross`, x ← x + MHA(LN(x), LN(memory)) at first. `[batch, tokens, width]` → the same.
 * Padding has outputs of its own, but no token sees it.
 *
 * @throws ChainruleError `OPTION` where heads does not divide width; from `apply`, `SHAPE`.
 *
 * @example
 * const layer = transformerLayer({ width: 64, heads: 8 });
 * const y = layer.apply(layer.init(key(0)), { tokens: tf.ones([2, 5, 64]) });
 */
export function transformerLayer(
  options: TransformerLayerOptions,
): Module<TransformerInput, tf.Tensor3D, TransformerLayerParams, TransformerLayerConfig> {
  const config: TransformerLayerConfig = {
    type: 'transformerLayer',
    heads: 4,
    hidden: 4 * options.width,
    activation: 'gelu',
    dropout: 0,
    cross: false,
    ...options,
  };
  const { width, heads, hidden, cross, dropout: rate } = config;
  checkRate('tensor.transformerLayer', 'dropout', rate);
  const activate = lookUp('tensor.transformerLayer: activation', activations, config.activation);
  const norm = layerNorm<tf.Tensor3D>({ width });
  const attention = multiHeadAttention({ width, heads, dropout: rate });
  const first = dense({ in: width, out: hidden });
  const second = dense({ in: hidden, out: width });
  return {
    config,
    init: (key) => ({
      norm: norm.init(split(key, 'norm')),
      ...(cross ? { memoryNorm: norm.init(split(key, 'memoryNorm')) } : {}),
      attention: attention.init(split(key, 'attention')),
      feedForwardNorm: norm.init(split(key, 'feedForwardNorm')),
      hidden: first.init(split(key, 'hidden')),
      out: second.init(split(key, 'out')),
    }),
    apply: (params, { tokens, memory, mask, rotary, outputs = tokens.shape[1] }, context = {}) =>
      tf.tidy(() => {
        const wanted = (x: tf.Tensor3D) =>
          outputs === x.shape[1] ? x : tf.slice(x, [0, 0, 0], [-1, outputs, -1]);
        const normed = norm.apply(params.norm, tokens);
        const seen = cross ? norm.apply(params.memoryNorm!, memory ?? tokens) : normed;
        // Only the wanted tokens ask, unless masks or positions are those of all.
        const each = rotary !== undefined || mask?.rank === 3;
        const attended = attention.apply(
          params.attention,
          { query: each ? normed : wanted(normed), memory: seen, mask, rotary },
          childContext(context, 'attention'),
        );
        const x = tf.add(
          wanted(tokens),
          dropout(wanted(attended), rate, context, 'attended'),
        ) as tf.Tensor3D;
        const y = activate(
          tokenwise(first, params.hidden, norm.apply(params.feedForwardNorm, x)),
        ) as tf.Tensor3D;
        const z = tokenwise(second, params.out, dropout(y, rate, context, 'hidden'));
        return tf.add(x, dropout(z, rate, context, 'out'));
      }),
  };
}

export interface TransformerOptions extends TransformerLayerOptions {
  /** How many layers; default 2. */
  readonly layers?: number;
}
export type TransformerConfig = { readonly type: 'transformer' } & {
  readonly [K in keyof TransformerOptions]-?: NonNullable<TransformerOptions[K]>;
};
export interface TransformerParams extends Params {
  readonly layers: readonly TransformerLayerParams[];
  readonly norm: NormParams;
}

/**
 * Transformer layers one after the other, and a last norm. `[batch, tokens, width]` → the same.
 * With `cross` every layer attends to the same memory.
 *
 * @example
 * const encoder = transformer({ width: 64, layers: 4, heads: 8, dropout: 0.1 });
 */
export function transformer(
  options: TransformerOptions,
): Module<TransformerInput, tf.Tensor3D, TransformerParams, TransformerConfig> {
  const { layers: count = 2, ...each } = options;
  checkPositiveInteger('tensor.transformer', 'layers', count);
  const layer = transformerLayer(each);
  const norm = layerNorm<tf.Tensor3D>({ width: each.width });
  const numbers = Array.from({ length: count }, (_, i) => i);
  return {
    config: { ...layer.config, type: 'transformer', layers: count },
    init: (key) => ({
      layers: numbers.map((i) => layer.init(split(split(key, 'layers'), i))),
      norm: norm.init(split(key, 'norm')),
    }),
    apply: (params, { outputs, ...input }, context = {}) =>
      tf.tidy(() => {
        const tokens = numbers.reduce((tokens, i) => {
          const last = i === count - 1 && outputs !== undefined ? { outputs } : {};
          const given = { ...input, tokens, ...last };
          return layer.apply(params.layers[i]!, given, childContext(context, i));
        }, input.tokens);
        return norm.apply(params.norm, tokens);
      }),
  };
}

/**
 * Sinusoidal positions (Vaswani et al., 2017), `[length, width]`: of place t,
 * sin(t/10000^(2i/width)) in column 2i and the cosine beside it.
 */
export function sinusoidalPositions(length: number, width: number): tf.Tensor2D {
  const values = new Float32Array(length * width);
  for (let t = 0; t < length; t++) {
    for (let c = 0; c < width; c++) {
      const angle = t / 10000 ** ((c - (c % 2)) / width);
      values[t * width + c] = c % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    }
  }
  return tf.tensor2d(values, [length, width]);
}

/** What each token may see where none sees a later one: of a mask `[batch, tokens]`, `[batch, tokens, tokens]`. */
export function causalMask(mask: tf.Tensor2D): tf.Tensor3D {
  return tf.tidy(() => {
    const [batch, tokens] = mask.shape;
    const order = tf.range(0, tokens);
    const earlier = tf.lessEqual(tf.reshape(order, [1, tokens]), tf.reshape(order, [tokens, 1]));
    return tf.mul(tf.reshape(mask, [batch, 1, tokens]), tf.cast(earlier, 'float32')) as tf.Tensor3D;
  });
}
