import type { Widths } from '@chainrule/fusion';
import { type Embeddings, key, normalArray, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs';

/** Random embeddings of these widths. */
export function embeddings(widths: Widths, batch = 3, seed = 5): Embeddings {
  return Object.fromEntries(
    Object.entries(widths).map(([name, width]) => {
      const values = normalArray(split(key(seed), name), batch * width);
      return [name, { vector: tf.tensor2d(values, [batch, width]) }];
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
