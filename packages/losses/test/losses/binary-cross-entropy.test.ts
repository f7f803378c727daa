import { binaryCrossEntropy } from '@chainrule/losses';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';

const { log } = Math;

describe('binaryCrossEntropy', () => {
  it('agrees with a case worked by hand', () => {
    tf.tidy(() => {
      // σ(log 3) = 0.75.
      const x = tf.tensor2d([
        [log(3), 0],
        [log(3), -log(3)],
      ]);
      const t = tf.tensor2d([
        [1, 0],
        [0, 0.5],
      ]);
      const expected = [
        (-log(0.75) + log(2)) / 2,
        (-log(0.25) - 0.5 * log(0.25) - 0.5 * log(0.75)) / 2,
      ];
      expectClose(binaryCrossEntropy(x, t, { reduction: 'none' }), expected);
      const gradient = tf.grad((x) => binaryCrossEntropy(x, t))(x);
      expectClose(gradient, [
        [-0.25 / 4, 0.5 / 4],
        [0.75 / 4, -0.25 / 4],
      ]);
    });
  });

  it('takes a bool target', () => {
    tf.tidy(() => {
      const x = tf.tensor1d([0.3, -2]);
      const t = tf.tensor1d([true, false]);
      expectClose(binaryCrossEntropy(x, t), binaryCrossEntropy(x, tf.tensor1d([1, 0])));
      expect(binaryCrossEntropy(x, t).dtype).toBe('float32');
    });
  });
});
