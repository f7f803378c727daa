import {
  type DenseParams,
  dense,
  dropout,
  type Encoder,
  split,
  tokenwise,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { Rows } from './rows.js';

interface ProjectedOptions {
  readonly width: number;
  /** Of the features, in training. */
  readonly dropout: number;
}

/**
 * What is trained on features of a frozen encoder: they are standardised by the mean and deviation
 * that they have over `rows`, and a dense layer with ReLU makes tokens of a map's places; another one on all
 * of them, or the first where there is no map, makes the vector.
 */
export function projected(rows: Rows, { width, dropout: rate }: ProjectedOptions): Encoder {
  const [places, channels] =
    rows.shape.length === 1 ? [1, rows.shape[0]!] : (rows.shape as [number, number]);
  const { mean, scale } = moments(rows.values as Float32Array, channels);
  const first = dense({ in: channels, out: width, activation: 'relu' });
  const whole = dense({ in: places * width, out: width, activation: 'relu' });
  return {
    config: { type: 'projected', width, dropout: rate, shape: rows.shape },
    width,
    ...(places > 1 && { tokenWidth: width }),
    init: (key) => ({
      first: first.init(split(key, 'first')),
      ...(places > 1 && { whole: whole.init(split(key, 'whole')) }),
    }),
    apply: (params, x, context) =>
      tf.tidy(() => {
        const standard = tf.mul(tf.sub(x, tf.tensor1d(mean)), tf.tensor1d(scale));
        const kept = dropout(standard, rate, context);
        if (places === 1) {
          return { vector: first.apply(params.first as DenseParams, kept as tf.Tensor2D) };
        }
        const tokens = tokenwise(first, params.first as DenseParams, kept as tf.Tensor3D);
        const flat = tf.reshape<tf.Rank.R2>(tokens, [-1, places * width]);
        return { vector: whole.apply(params.whole as DenseParams, flat), tokens };
      }),
  };
}

/** By column of `[…, channels]`: the mean, and 1 ÷ deviation. */
function moments(values: Float32Array, channels: number) {
  const count = values.length / channels;
  const sum = new Float64Array(channels);
  const squares = new Float64Array(channels);
  for (let i = 0; i < values.length; i++) {
    sum[i % channels]! += values[i]!;
    squares[i % channels]! += values[i]! ** 2;
  }
  const mean = Float32Array.from(sum, (x) => x / count);
  const scale = Float32Array.from(
    squares,
    (x, c) => 1 / (Math.sqrt(Math.max(0, x / count - mean[c]! ** 2)) + 1e-3),
  );
  return { mean, scale };
}
