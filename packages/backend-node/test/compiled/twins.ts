import { type Tree, tidy } from '@chainrule/tensor';
import { expectClose, gradients } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

type Numbers = { readonly [name: string]: unknown };

/** The output and the gradients of its weighted sum for all that is given, as numbers. */
export function outputAndGradients<P extends Tree<tf.Tensor>, T extends tf.Tensor>(
  run: (given: P) => T,
  given: P,
  weights: T,
): Numbers {
  const found = gradients(run, given, weights);
  return {
    output: run(given).arraySync(),
    ...Object.fromEntries([...found].map(([name, g]) => [name, g!.arraySync()])),
  };
}

/**
 * That the native backend and the plain one give the same numbers, each within 1e-4 of itself or within
 * `within` of the largest. The plain one stays in use.
 */
export async function expectTwins(
  numbers: () => Numbers,
  within: (largest: number) => number,
): Promise<void> {
  const native = tidy(numbers);
  await tf.setBackend('cpu');
  const plain = tidy(numbers);
  expect(Object.keys(native)).toEqual(Object.keys(plain));
  for (const [name, values] of Object.entries(plain)) {
    const expected = tf.tensor(values as number[]);
    const largest = tf.max(tf.abs(expected)).dataSync()[0]!;
    expectClose(tf.tensor(native[name] as number[]), expected, {
      rtol: 1e-4,
      atol: within(largest),
    });
  }
}
