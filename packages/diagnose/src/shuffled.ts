import { key, type Params, permutation, split } from '@chainrule/tensor';
import { type Batches, type EvaluateOptions, evaluate, type Measures } from '@chainrule/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { perturbed, realExamples } from './perturbed.js';

/**
 * The batches with one modality exchanged at random among the examples of each: every example keeps
 * its target and its other modalities and gets this one of some example of its batch. What a model
 * then loses, it had read there. Shuffled data should come in batches of many examples.
 *
 * @param seed of the exchange; default 0.
 */
export function shuffled(data: Batches, modality: string, seed = 0): Batches {
  const source = split(split(key(seed), 'shuffled'), modality);
  return perturbed(data, async (batch, index) => {
    const { count, real } = await realExamples(batch);
    const own = batch.rows?.[modality];
    const rows =
      own === undefined ? Int32Array.from({ length: count }, (_, i) => i) : await own.data();
    const exchanged = Int32Array.from(rows);
    permutation(split(source, index), real.length).forEach((from, to) => {
      exchanged[real[to]!] = rows[real[from]!]!;
    });
    return { rows: { [modality]: tf.tensor1d(exchanged, 'int32') } };
  });
}

/** Measures of a model on whole data, and with each modality shuffled. */
export interface Reliance {
  readonly intact: Measures;
  readonly shuffled: { readonly [modality: string]: Measures };
}

/**
 * What a model makes of each modality: its measures on the data as they are, and with one modality
 * at a time {@link shuffled}. Accuracy that stays says that the modality is not used.
 *
 * This is permutation importance (Breiman, 2001) of a whole modality.
 *
 * @throws whatever `evaluate` throws.
 * @example
 * const { intact, shuffled } = await reliance({ model, params, objective, data, modalities: ['image', 'text'] });
 * console.log(intact.accuracy, shuffled.image.accuracy);
 */
export async function reliance<P extends Params>(
  options: EvaluateOptions<P> & { readonly modalities: readonly string[]; readonly seed?: number },
): Promise<Reliance> {
  const { modalities, seed = 0, ...rest } = options;
  const intact = await evaluate(rest);
  const measured: { [modality: string]: Measures } = {};
  for (const modality of modalities) {
    measured[modality] = await evaluate({ ...rest, data: shuffled(rest.data, modality, seed) });
  }
  return { intact, shuffled: measured };
}
