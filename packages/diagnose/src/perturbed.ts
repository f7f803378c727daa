import type { Batch } from '@chainrule/tensor';
import type { Batches } from '@chainrule/trainer';
import type * as tf from '@tensorflow/tfjs-core';

/** The parts of a batch that take the place of its own. Those that they replace are disposed. */
export interface Replacement {
  readonly inputs?: { readonly [name: string]: tf.Tensor };
  readonly rows?: { readonly [modality: string]: tf.Tensor1D };
}

/** The same batches, each with some parts replaced; `change` is given the batch and its number. */
export function perturbed(
  data: Batches,
  change: (batch: Batch, index: number) => Promise<Replacement> | Replacement,
): Batches {
  return {
    size: data.size,
    stepsPerEpoch: data.stepsPerEpoch,
    async *epoch(n, signal) {
      let index = 0;
      for await (const batch of data.epoch(n, signal)) {
        const { inputs = {}, rows = {} } = await change(batch, index++);
        for (const name of Object.keys(rows)) batch.rows?.[name]?.dispose();
        yield {
          ...batch,
          inputs: { ...batch.inputs, ...inputs },
          ...((batch.rows || Object.keys(rows).length > 0) && { rows: { ...batch.rows, ...rows } }),
        };
      }
    },
  };
}

/** How many examples a batch has, and which of them are real: padding has weight 0. */
export async function realExamples(batch: Batch): Promise<{ count: number; real: number[] }> {
  const count = (batch.target as tf.Tensor).shape[0]!;
  const weights = batch.weight === undefined ? undefined : await batch.weight.data();
  const all = Array.from({ length: count }, (_, i) => i);
  return { count, real: weights ? all.filter((i) => weights[i]! > 0) : all };
}
