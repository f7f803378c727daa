import { useNative } from '@chainrule/backend-node/backend';
import { key, normalArray, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { ridge } from '../../src/retrieval/ridge.js';

beforeAll(() => useNative());

const normal = (name: string, rows: number, columns: number) =>
  tf.tensor2d(normalArray(split(key(0), name), rows * columns), [rows, columns]);

it.each([
  ['more rows than features', 900, 300],
  ['fewer, in several blocks', 600, 900],
  ['a few', 4, 3],
])('has no gradient left at its solution: %s', async (_, rows, columns) => {
  const [x, y] = [normal('x', rows, columns), normal('y', rows, 5)];
  const before = tf.memory().numTensors;
  const lambda = 0.2;
  const kernel = await ridge(x, y, lambda);
  expect(tf.memory().numTensors).toBe(before + 1);
  expect(kernel.shape).toEqual([columns, 5]);
  const error = tf.sub<tf.Tensor2D>(tf.matMul(x, kernel), y);
  const ofData = tf.div(tf.matMul(x, error, true), rows);
  const gradient = tf.add(ofData, tf.mul(kernel, lambda));
  expect(tf.max(tf.abs(gradient)).dataSync()[0]).toBeLessThan(1e-5);
});
