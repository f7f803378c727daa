import { huber } from '@chainrule/losses';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';

describe('huber', () => {
  it('agrees with a case worked by hand: square, corner and line on both sides', () => {
    tf.tidy(() => {
      const z = tf.tensor1d([0, 0.5, -1, 2, 3, -6]);
      const y = tf.zerosLike(z);
      const h = huber(z, y, { delta: 2, reduction: 'none' });
      expectClose(h, [0, 0.125, 0.5, 2, 4, 10]);
      const gradient = tf.grad((z) => huber(z, y, { delta: 2, reduction: 'sum' }))(z);
      expectClose(gradient, [0, 0.5, -1, 2, 2, -2]);
    });
  });

  it('refuses a delta that is not positive', () => {
    tf.tidy(() => {
      for (const delta of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(() => huber(tf.ones([1]), tf.ones([1]), { delta })).toThrow(
          `losses.huber: delta must be a positive number, got ${delta}`,
        );
      }
    });
  });
});
