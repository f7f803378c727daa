import { meanSquaredError } from '@chainrule/losses';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';

describe('meanSquaredError', () => {
  it('agrees with a case worked by hand', () => {
    tf.tidy(() => {
      const z = tf.tensor2d([
        [4, 6],
        [1, -2],
      ]);
      const y = tf.tensor2d([
        [1, 2],
        [0, 1],
      ]);
      expectClose(meanSquaredError(z, y, { reduction: 'none' }), [12.5, 5]);
      expectClose(meanSquaredError(z, y), 8.75);
      expectClose(meanSquaredError(z, y, { reduction: 'sum' }), 17.5);
      expectClose(tf.grad((z) => meanSquaredError(z, y))(z), [
        [1.5, 2],
        [0.5, -1.5],
      ]);
    });
  });

  it('divides by the sum of the weights', () => {
    tf.tidy(() => {
      const [z, y] = [tf.tensor1d([1, 2, 100]), tf.tensor1d([0, 0, 0])];
      expectClose(meanSquaredError(z, y, { weight: tf.tensor1d([1, 3, 0]) }), (1 + 3 * 4) / 4);
    });
  });

  it('names the shapes that do not fit', () => {
    tf.tidy(() => {
      expect(() => meanSquaredError(tf.ones([4, 2]), tf.ones([4, 3]))).toThrow(
        'losses.meanSquaredError: prediction [4, 2] and target [4, 3] must have the same shape',
      );
    });
  });
});
