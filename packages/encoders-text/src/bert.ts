import {
  type AttentionParams,
  activations,
  ChainruleError,
  checkPositive,
  checkPositiveInteger,
  checkRate,
  childContext,
  type DenseParams,
  dense,
  dropout,
  type Encoder,
  geluExact,
  layerNorm,
  lookUp,
  multiHeadAttention,
  type NormParams,
  type Params,
  split,
  tokenwise,
  truncatedNormal,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { checkIds, realWords } from './ids.js';

export interface BertOptions {
  /** Number of ids, padding and unknown included: `tokenizer.vocabulary.length`. */
  readonly vocabulary: number;
  /** Width of tokens and embedding; default 384. */
  readonly width?: number;
  /** Default 6. */
  readonly layers?: number;
  /** Heads of each attention; must divide width. Default 12. */
  readonly heads?: number;
  /** Width of the hidden layer of each feed-forward part; default 4·width. */
  readonly feedForward?: number;
  /** Tokens of the longest text that the positions reach; default 512. */
  readonly maxLength?: number;
  /** How tokens become one vector: their mean, or the first one (`[CLS]`). Default `mean`. */
  readonly pooling?: 'mean' | 'class';
  /** Whether `vector` has length 1; default true. */
  readonly normalize?: boolean;
  /** Of the feed-forward parts; default `gelu`, exact, by the error function. */
  readonly activation?: 'gelu' | 'relu';
  /** Rate of every dropout while training; default 0. */
  readonly dropout?: number;
  /** ε of the norms; default 1e-12. */
  readonly epsilon?: number;
}

export type BertConfig = { readonly type: 'bert' } & {
  readonly [K in keyof BertOptions]-?: NonNullable<BertOptions[K]>;
};

export type BertLayerParams = {
  readonly attention: AttentionParams;
  readonly attentionNorm: NormParams;
  readonly hidden: DenseParams;
  readonly out: DenseParams;
  readonly outNorm: NormParams;
};

export interface BertParams extends Params {
  /** `[vocabulary, width]`. */
  readonly words: tf.Tensor2D;
  /** `[maxLength, width]`; the vector of the first segment, which all tokens share, is in it. */
  readonly positions: tf.Tensor2D;
  readonly norm: NormParams;
  readonly layers: readonly BertLayerParams[];
}

const activate = { gelu: geluExact, relu: activations.relu };

/**
 * BERT, a transformer encoder that normalises last: x = LN(E[ids] + P), then for each layer
 *
 * x ← LN(x + MHA(x)),  x ← LN(x + W₂ f(W₁x + b₁) + b₂),
 *
 * and pooling over the real tokens. Ids int32 `[batch, time]`, 0 = padding, all below `vocabulary`
 * → `vector` `[batch, width]`; `tokens` `[batch, time, width]`; `mask` `[batch, time]`. Padding is
 * never seen. A row of padding alone has a vector of zeros with `mean`.
 *
 * Keys have no bias: it adds the same number to all logits of a query, which a softmax ignores.
 *
 * Source: Devlin et al., BERT (2019); mean pooling as Sentence-BERT (Reimers and Gurevych, 2019).
 *
 * @throws ChainruleError `OPTION` for a size out of range or heads that do not divide width; from
 * `apply`, `SHAPE` where ids are not int32 `[batch, time]` or longer than `maxLength`.
 *
 * @example
 * const encoder = bert({ vocabulary: tokenizer.vocabulary.length, layers: 2, width: 64, heads: 4 });
 * const { vector } = encoder.apply(encoder.init(key(0)), ids);
 */
export function bert(options: BertOptions): Encoder<tf.Tensor2D, BertParams, BertConfig> {
  const where = 'encoders-text.bert';
  const width = options.width ?? 384;
  const config: BertConfig = {
    type: 'bert',
    width,
    layers: 6,
    heads: 12,
    feedForward: 4 * width,
    maxLength: 512,
    pooling: 'mean',
    normalize: true,
    activation: 'gelu',
    dropout: 0,
    epsilon: 1e-12,
    ...options,
  };
  const { vocabulary, layers: count, heads, feedForward, maxLength, epsilon } = config;
  for (const name of ['vocabulary', 'width', 'layers', 'feedForward', 'maxLength'] as const) {
    checkPositiveInteger(where, name, config[name]);
  }
  checkRate(where, 'dropout', config.dropout);
  checkPositive(where, 'epsilon', epsilon);
  const f = lookUp(`${where}: activation`, activate, config.activation);
  const norm = layerNorm<tf.Tensor3D>({ width, epsilon });
  const attention = multiHeadAttention({ width, heads, dropout: config.dropout });
  const first = dense({ in: width, out: feedForward });
  const second = dense({ in: feedForward, out: width });
  const initial = truncatedNormal(0.02);
  const numbers = Array.from({ length: count }, (_, i) => i);

  return {
    config,
    width,
    tokenWidth: width,
    init: (key) => ({
      words: initial(split(key, 'words'), [vocabulary, width]) as tf.Tensor2D,
      positions: initial(split(key, 'positions'), [maxLength, width]) as tf.Tensor2D,
      norm: norm.init(key),
      layers: numbers.map((i) => {
        const own = split(split(key, 'layers'), i);
        return {
          attention: attention.init(split(own, 'attention')),
          attentionNorm: norm.init(own),
          hidden: first.init(split(own, 'hidden')),
          out: second.init(split(own, 'out')),
          outNorm: norm.init(own),
        };
      }),
    }),
    apply(params, ids, context = {}) {
      checkIds(where, ids);
      const [, time] = ids.shape;
      if (time > maxLength) {
        throw new ChainruleError(
          'SHAPE',
          `${where}: ids are ${time} long and the positions reach ${maxLength}; cut the texts (the tokenizer's maxLength)`,
        );
      }
      return tf.tidy(() => {
        const mask = realWords(ids);
        const placed = tf.add(tf.gather(params.words, ids), tf.slice(params.positions, 0, time));
        const start = norm.apply(params.norm, placed as tf.Tensor3D);
        const tokens = numbers.reduce(
          (x, i) => {
            const own = params.layers[i]!;
            const inner = childContext(context, i);
            const drop = (y: tf.Tensor3D, name: string) => dropout(y, config.dropout, inner, name);
            const attended = attention.apply(
              own.attention,
              { query: x, mask },
              childContext(inner, 'attention'),
            );
            const y = norm.apply(own.attentionNorm, tf.add(x, drop(attended, 'attended')));
            const hidden = f(tokenwise(first, own.hidden, y));
            const z = tokenwise(second, own.out, hidden);
            return norm.apply(own.outNorm, tf.add(y, drop(z, 'out')));
          },
          dropout(start, config.dropout, context, 'embedding'),
        );
        const pooled = config.pooling === 'mean' ? mean(tokens, mask) : firstOf(tokens);
        return { vector: config.normalize ? unit(pooled) : pooled, tokens, mask };
      });
    },
  };
}

/** BERT at the size of MiniLM-L6-H384 (Wang et al., 2020); its real weights: `miniLmWeights` of the `node` subpath. */
export const miniLm = (
  options: { readonly dropout?: number } = {},
): Encoder<tf.Tensor2D, BertParams, BertConfig> => bert({ vocabulary: 30_522, ...options });

const mean = (tokens: tf.Tensor3D, mask: tf.Tensor2D): tf.Tensor2D => {
  const sum = tf.squeeze(tf.matMul(tf.expandDims(mask, 1), tokens), [1]);
  return tf.div(sum, tf.maximum(tf.sum(mask, 1, true), 1));
};

const firstOf = (tokens: tf.Tensor3D): tf.Tensor2D =>
  tf.squeeze(tf.slice(tokens, [0, 0, 0], [-1, 1, -1]), [1]);

/** x / max(‖x‖, 10⁻¹²), as PyTorch's `normalize`; the square root never sees 0, where it has no slope. */
const unit = (x: tf.Tensor2D): tf.Tensor2D =>
  tf.mul(x, tf.rsqrt(tf.maximum(tf.sum(tf.square(x), 1, true), 1e-24)));
