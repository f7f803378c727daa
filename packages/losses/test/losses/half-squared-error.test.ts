import { halfSquaredError } from '@chainrule/losses';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';

const z = [
  [4, 6],
  [1, -2],
];
const y = [
  [1, 2],
  [0, 0.5],
];

describe('halfSquaredError', () => {
  it('agrees with a case worked by hand', () => {
    tf.tidy(() => {
      const [a, b] = [tf.tensor2d(z), tf.tensor2d(y)];
      // ½(9 + 16) and ½(1 + 6.25).
      expectClose(halfSquaredError(a, b, { reduction: 'none' }), [12.5, 3.625]);
      expectClose(halfSquaredError(a, b), 16.125);
      expectClose(halfSquaredError(a, b, { reduction: 'mean' }), 8.0625);
      const weight = tf.tensor1d([1, 3]);
      expectClose(halfSquaredError(a, b, { weight }), 12.5 + 3 * 3.625);
      expectClose(halfSquaredError(a, b, { weight, reduction: 'mean' }), (12.5 + 3 * 3.625) / 4);
    });
  });

  it('has the gradient z − y, bit for bit, whatever the numbers', () => {
    tf.tidy(() => {
      for (const scale of [1e-12, 0.1, 1, 1e9]) {
        const a = tf.mul(tf.randomNormal([5, 7], 0, 1, 'float32', 1), scale);
        const b = tf.mul(tf.randomNormal([5, 7], 0, 1, 'float32', 2), scale);
        const gradient = tf.grad((z) => halfSquaredError(z, b))(a);
        expect(gradient.dataSync()).toEqual(tf.sub(a, b).dataSync());
      }
    });
  });

  it('takes the article’s vectors, without a batch', () => {
    tf.tidy(() => {
      expectClose(halfSquaredError(tf.tensor1d([1, 2, 3]), tf.tensor1d([0, 0, 1])), 4.5);
    });
  });
});
