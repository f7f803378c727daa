import { type Batch, key, permutation, split, uniformArray } from '@chainrule/tensor';
import type { Batches } from '@chainrule/trainer';
import * as tf from '@tensorflow/tfjs-core';

/** A picture in several views and what it may be called, as rows of frozen encoders. */
export interface Pair {
  readonly views: readonly Float32Array[];
  /** The first is the name. */
  readonly texts: readonly Float32Array[];
  /** Equal numbers are the same thing. */
  readonly concept: number;
}

export interface PairsOptions {
  readonly batchSize: number;
  /** How often the name is shown, rather than any other caption. */
  readonly names: number;
  readonly seed: number;
}

/**
 * Batches of rows: of each pair one view and one caption, drawn anew in every epoch. What does not
 * fill a batch is left out of the epoch.
 */
export function pairBatches(
  pairs: readonly Pair[],
  { batchSize, names, seed }: PairsOptions,
): Batches {
  const size = Math.min(batchSize, pairs.length);
  const steps = Math.floor(pairs.length / size);
  return {
    size: steps * size,
    stepsPerEpoch: steps,
    *epoch(n) {
      const own = split(split(key(seed), 'pairs'), n);
      const order = permutation(split(own, 'order'), pairs.length);
      const chance = uniformArray(split(own, 'views'), 3 * pairs.length);
      for (let step = 0; step < steps; step++) {
        const chosen = Array.from({ length: size }, (_, i) => order[step * size + i]!);
        yield batchOf(chosen.map((i) => drawn(pairs[i]!, chance, 3 * i, names)));
      }
    },
  };
}

/** One view and one caption; random numbers from `at` on. */
function drawn({ views, texts, concept }: Pair, chance: Float32Array, at: number, names: number) {
  const view = views[Math.floor(chance[at]! * views.length)]!;
  const named = texts.length === 1 || chance[at + 1]! < names;
  const text = named ? texts[0]! : texts[1 + Math.floor(chance[at + 2]! * (texts.length - 1))]!;
  return { view, text, concept };
}

function batchOf(
  rows: readonly { view: Float32Array; text: Float32Array; concept: number }[],
): Batch {
  return {
    inputs: {
      image: tensorOf(rows.map(({ view }) => view)),
      text: tensorOf(rows.map(({ text }) => text)),
    },
    target: tf.tensor1d(
      rows.map(({ concept }) => concept),
      'int32',
    ),
  };
}

/** Rows as one tensor, `[rows, width]`. */
export function tensorOf(rows: readonly Float32Array[]): tf.Tensor2D {
  const width = rows[0]!.length;
  const values = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    values.set(row, i * width);
  });
  return tf.tensor2d(values, [rows.length, width]);
}
