import { meanAbsoluteError } from '@chainrule/losses';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';

describe('meanAbsoluteError', () => {
  const z = () =>
    tf.tensor2d([
      [4, 6],
      [1, -2],
    ]);
  const y = () =>
    tf.tensor2d([
      [1, 2],
      [1, 1],
    ]);

  it('agrees with a case worked by hand', () => {
    tf.tidy(() => {
      expectClose(meanAbsoluteError(z(), y(), { reduction: 'none' }), [3.5, 1.5]);
      expectClose(meanAbsoluteError(z(), y()), 2.5);
    });
  });

  it('has the gradient 0 where the two are equal', () => {
    tf.tidy(() => {
      const gradient = tf.grad((z) => meanAbsoluteError(z, y()))(z());
      expectClose(gradient, [
        [0.25, 0.25],
        [0, -0.25],
      ]);
      expect(gradient.dataSync()[2]).toBe(0);
    });
  });
});
