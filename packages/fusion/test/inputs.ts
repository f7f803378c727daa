import type { Widths } from '@chainrule/fusion';
import {
  type Embeddings,
  key,
  normalArray,
  split,
  type TransformerLayerParams,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs';

/** Random embeddings of these widths; each modality has four tokens, the last of which is padding. */
export function embeddings(widths: Widths, batch = 3, seed = 5): Embeddings {
  return Object.fromEntries(
    Object.entries(widths).map(([name, width]) => {
      const values = normalArray(split(key(seed), name), batch * 5 * width);
      return [
        name,
        {
          vector: tf.tensor2d(values.subarray(0, batch * width), [batch, width]),
          tokens: tf.tensor3d(values.subarray(batch * width), [batch, 4, width]),
          mask: tf.tensor2d(
            Array.from({ length: batch * 4 }, (_, i) => (i % 4 === 3 ? 0 : 1)),
            [batch, 4],
          ),
        },
      ];
    }),
  );
}

/** Embeddings from plain numbers. */
export function vectors(values: { readonly [modality: string]: number[][] }): Embeddings {
  return Object.fromEntries(
    Object.entries(values).map(([name, rows]) => [name, { vector: tf.tensor2d(rows) }]),
  );
}

export function reversed<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).reverse()) as T;
}

/** The parameters of a dense layer. */
export function layer(rows: number[][], bias: number[]) {
  return { kernel: tf.tensor2d(rows), bias: tf.tensor1d(bias) };
}

/** The same without bias. */
export function kernel(rows: number[][]) {
  return { kernel: tf.tensor2d(rows) };
}

/** A transformer layer that adds nothing to its tokens. */
export function silentLayer(width: number): TransformerLayerParams {
  const silent = (from: number, to: number) => ({
    kernel: tf.zeros<tf.Rank.R2>([from, to]),
    bias: tf.zeros<tf.Rank.R1>([to]),
  });
  const norm = { scale: tf.ones<tf.Rank.R1>([width]), offset: tf.zeros<tf.Rank.R1>([width]) };
  const square = silent(width, width);
  return {
    norm,
    attention: { query: square, key: { kernel: square.kernel }, value: square, out: square },
    feedForwardNorm: norm,
    hidden: silent(width, 4 * width),
    out: silent(4 * width, width),
  };
}
