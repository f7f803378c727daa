import { setImmediate } from 'node:timers/promises';
import { type Dataset, disposeBatch, type Loader } from '@chainrule/data';
import type { TrainedModel } from '@chainrule/trainer/files';

/** The model's output for each example of a data set, in the data set's order: `[examples][out]`. */
export async function outputs(
  { model, params }: Pick<TrainedModel, 'model' | 'params'>,
  data: Dataset,
  batches: Loader,
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  const rows: Float32Array[] = new Array(data.examples.length);
  for await (const batch of batches.epoch(0, signal)) {
    const output = model.apply(params, batch);
    const width = output.shape[1];
    const values = (await output.data()) as Float32Array;
    batch.indices.forEach((index, row) => {
      rows[index] = values.slice(row * width, (row + 1) * width);
    });
    output.dispose();
    disposeBatch(batch);
    // Native operations never yield, so without this Ctrl-C would wait for the last batch.
    await setImmediate();
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
