import { type Dataset, disposeBatch, type Loader } from '@chainrule/data';
import { key, type Params } from '@chainrule/tensor';
import type { Multimodal } from '@chainrule/trainer';
import * as tf from '@tensorflow/tfjs-core';

/** The model's output for each example of a data set, in the data set's order: `[examples][out]`. */
export async function outputs(
  model: Multimodal,
  params: Params,
  data: Dataset,
  batches: Loader,
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  const rows: Float32Array[] = new Array(data.examples.length);
  for await (const batch of batches.epoch(0, signal)) {
    const output = model.apply(params as never, batch, { key: key(0) });
    const values = (await output.data()) as Float32Array;
    const width = output.shape[1];
    batch.indices.forEach((index, row) => {
      rows[index] = values.slice(row * width, (row + 1) * width);
    });
    tf.dispose(output);
    disposeBatch(batch);
  }
  return rows;
}

/** The largest of an example's logits: its place and its softmax probability. */
export function top(logits: Float32Array): {
  readonly index: number;
  readonly probability: number;
} {
  const index = logits.reduce((best, value, i) => (value > logits[best]! ? i : best), 0);
  const sum = logits.reduce((total, value) => total + Math.exp(value - logits[index]!), 0);
  return { index, probability: 1 / sum };
}
