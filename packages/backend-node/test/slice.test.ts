import { backend } from '@chainrule/backend-node';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import '@tensorflow/tfjs';

it('x', () => {
  console.log(backend);
  expect(tf.getBackend()).toBe('tensorflow');
  expect(
    tf
      .grad((x) => tf.sum(tf.square(x)))(tf.tensor1d([1, 2]))
      .arraySync(),
  ).toEqual([2, 4]);
});
