import {
  type AttentionParams,
  activations,
  type DenseParams,
  dense,
  geluExact,
  type Key,
  layerNorm,
  lookUp,
  multiHeadAttention,
  type NormParams,
  split,
  tokenwise,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

/** By the names that Hugging Face's configs have for them. */
const towerActivations = {
  gelu: geluExact,
  gelu_pytorch_tanh: activations.gelu,
  quick_gelu: (x: tf.Tensor3D): tf.Tensor3D => tf.mul(x, tf.sigmoid(tf.mul(x, 1.702))),
} as const;

/** Sizes that both towers have. */
export interface TowerOptions {
  /** Width of the tokens. */
  readonly width: number;
  readonly layers: number;
  /** Heads of each attention; must divide width. */
  readonly heads: number;
  /** Width of the hidden layer of each feed-forward part. */
  readonly feedForward: number;
  /** Of the feed-forward parts. */
  readonly activation: keyof typeof towerActivations;
  /** ε of the norms. */
  readonly epsilon: number;
}

export type MlpParams = { readonly hidden: DenseParams; readonly out: DenseParams };
export type LayerParams = MlpParams & {
  readonly norm: NormParams;
  readonly attention: AttentionParams;
  readonly feedForwardNorm: NormParams;
};

/** W₂ f(W₁x + b₁) + b₂, token by token. */
export function feedForward(where: string, options: TowerOptions) {
  const { width, feedForward: hidden, activation } = options;
  const first = dense({ in: width, out: hidden });
  const second = dense({ in: hidden, out: width });
  const f = lookUp(`${where}: activation`, towerActivations, activation) as (
    x: tf.Tensor3D,
  ) => tf.Tensor3D;
  return {
    init: (key: Key): MlpParams => ({
      hidden: first.init(split(key, 'hidden')),
      out: second.init(split(key, 'out')),
    }),
    apply: (params: MlpParams, x: tf.Tensor3D): tf.Tensor3D =>
      tokenwise(second, params.out, f(tokenwise(first, params.hidden, x))),
  };
}

/**
 * Layers that normalise first: x ← x + MHA(LN(x)), x ← x + MLP(LN(x)). Keys have no bias, which a
 * softmax would ignore.
 */
export function layers(where: string, options: TowerOptions) {
  const { width, heads, layers: count, epsilon } = options;
  const norm = layerNorm<tf.Tensor3D>({ width, epsilon });
  const attention = multiHeadAttention({ width, heads });
  const mlp = feedForward(where, options);
  const numbers = Array.from({ length: count }, (_, i) => i);
  return {
    init: (key: Key): LayerParams[] =>
      numbers.map((i) => {
        const own = split(key, i);
        return {
          norm: norm.init(own),
          attention: attention.init(split(own, 'attention')),
          feedForwardNorm: norm.init(own),
          ...mlp.init(own),
        };
      }),
    apply: (params: readonly LayerParams[], tokens: tf.Tensor3D, mask?: tf.Tensor3D) =>
      numbers.reduce((x, i) => {
        const own = params[i]!;
        const query = norm.apply(own.norm, x);
        const y = tf.add(x, attention.apply(own.attention, { query, mask })) as tf.Tensor3D;
        return tf.add(y, mlp.apply(own, norm.apply(own.feedForwardNorm, y))) as tf.Tensor3D;
      }, tokens),
  };
}
