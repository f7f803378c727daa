import { useNative } from '@chainrule/backend-node/backend';
import { key, normalArray, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { tensorOf } from '../../src/retrieval/pairs.js';
import { ridge } from '../../src/retrieval/ridge.js';

beforeAll(() => useNative());

it('has no gradient left at its solution', async () => {
  const rows = (name: string, width: number) =>
    Array.from({ length: 30 }, (_, i) => normalArray(split(split(key(0), name), i), width));
  const [x, y] = [rows('x', 6), rows('y', 3)];
  const lambda = 0.2;
  const { kernel, bias } = await ridge(x, y, lambda);
  expect([kernel.shape, bias.shape]).toEqual([[6, 3], [3]]);
  const largest = (x: tf.Tensor) => tf.max(tf.abs(x)).dataSync()[0]!;
  const error = tf.sub<tf.Tensor2D>(tf.add(tf.matMul(tensorOf(x), kernel), bias), tensorOf(y));
  const data = tf.div(tf.matMul(tensorOf(x), error, true), x.length);
  const ofKernel = largest(tf.add(data, tf.mul(kernel, lambda)));
  const ofBias = largest(tf.mean(error, 0));
  expect(ofKernel).toBeLessThan(1e-6);
  expect(ofBias).toBeLessThan(1e-6);
});
