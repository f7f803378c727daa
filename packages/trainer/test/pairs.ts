import { type Batch, key, permutation, split, uniformArray } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { type Batches, dualEncoder } from '../src/index.js';
import { numbers } from './options.js';

/** Two encoders of numbers into a shared space of width 4. */
export const pairModel = (options: { readonly scale?: number; readonly bias?: number } = {}) =>
  dualEncoder({
    encoders: { image: numbers(3, 16), text: numbers(2, 8) },
    projections: { image: { hidden: [8] } },
    width: 4,
    ...options,
  });

/**
 * Things have two numbers, their "text"; a "picture" shows them in another form with noise. Each
 * thing has two pictures. The last batch is filled up with copies of weight 0.
 */
export function pairData(options: { things?: number; batchSize?: number; seed?: number } = {}) {
  const { things = 24, batchSize = 16, seed = 0 } = options;
  const text = uniformArray(split(key(0), 'text'), things * 2).map((x) => 2 * x - 1);
  const noise = uniformArray(split(key(seed), 'noise'), things * 2 * 3);
  const size = things * 2;
  const picture = (i: number) => {
    const [a, b] = [text[(i >> 1) * 2]!, text[(i >> 1) * 2 + 1]!];
    return [a + b, a - b, a * b].map((x, k) => x + 0.05 * (noise[i * 3 + k]! - 0.5));
  };
  const batches: Batches = {
    size,
    stepsPerEpoch: Math.ceil(size / batchSize),
    *epoch(n) {
      const order = [...permutation(split(key(seed), `epoch ${n}`), size)];
      for (let start = 0; start < size; start += batchSize) {
        const real = order.slice(start, start + batchSize);
        const chosen = Array.from({ length: batchSize }, (_, i) => real[i] ?? real[0]!);
        const things = [...new Set(chosen.map((i) => i >> 1))];
        // Padded to one shape, as the loader pads what rows point into.
        const texts = Array.from({ length: batchSize }, (_, i) => things[i] ?? things[0]!);
        const batch: Batch = {
          inputs: {
            image: tf.tensor2d(chosen.map(picture)),
            text: tf.tensor2d(texts.map((t) => [text[t * 2]!, text[t * 2 + 1]!])),
          },
          rows: {
            text: tf.tensor1d(
              chosen.map((i) => things.indexOf(i >> 1)),
              'int32',
            ),
          },
          target: tf.tensor1d(
            chosen.map((i) => i >> 1),
            'int32',
          ),
          weight: tf.tensor1d(chosen.map((_, i) => Number(i < real.length))),
        };
        yield batch;
      }
    },
  };
  return batches;
}
