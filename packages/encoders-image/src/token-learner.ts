import {
  type BatchNormParams,
  batchNorm,
  type Context,
  type DenseParams,
  dense,
  type Key,
  type Params,
  split,
  tokenwise,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { MapSize } from './block.js';
import { grid } from './grid.js';

export interface TokenLearnerParams extends Params {
  readonly hidden: DenseParams;
  readonly scores: DenseParams;
  readonly norm: BatchNormParams;
}

export interface TokenLearner {
  /** Channels, and the row and the column. */
  readonly width: number;
  init(key: Key): TokenLearnerParams;
  /** `[batch, height, width, channels]` → `[batch, count, channels + 2]`. */
  apply(params: TokenLearnerParams, map: tf.Tensor4D, context: Context): tf.Tensor3D;
}

/**
 * Few tokens instead of every place of a feature map: each looks for something of its own and says
 * what it found, and where.
 *
 * tₖ = N(Σₚ aₖₚ vₚ),  aₖ = softmax over p of (U r(W vₚ + w))ₖ,  vₚ = [xₚ; row; column],
 *
 * with rows and columns −1…1, r the ReLU, as many hidden units as the map has channels, and N batch
 * normalisation over the batch and its tokens. Tokens start as nearly equal means of the whole map; N
 * makes the little in which they differ what the next layer sees.
 *
 * Source: Ryoo et al., TokenLearner: What can 8 learned tokens do for images and videos? (2021), with
 * the softmax and the perceptron of its version 1.1, and places as in CoordConv.
 */
export function tokenLearner([height, width, channels]: MapSize, count: number): TokenLearner {
  const hidden = dense({ in: channels + 2, out: channels, activation: 'relu' });
  // A bias would add the same to every place.
  const scores = dense({ in: channels, out: count, bias: false });
  const norm = batchNorm<tf.Tensor3D>({ width: channels + 2 });
  return {
    width: channels + 2,
    init: (key) => ({
      hidden: hidden.init(split(key, 'hidden')),
      scores: scores.init(split(key, 'scores')),
      norm: norm.init(split(key, 'norm')),
    }),
    apply: (params, map, context) =>
      tf.tidy(() => {
        const batch = map.shape[0];
        const at = tf.add(grid(height, width), tf.zeros([batch, 1, 1, 1]));
        const all = tf.concat([map, at], 3);
        const places = tf.reshape<tf.Rank.R3>(all, [batch, height * width, channels + 2]);
        const score = tokenwise(scores, params.scores, tokenwise(hidden, params.hidden, places));
        const weights = tf.softmax(tf.transpose(score, [0, 2, 1]));
        return norm.apply(params.norm, tf.matMul(weights, places), context);
      }),
  };
}
