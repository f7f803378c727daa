import { cosine } from '@chainrule/losses';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';

describe('cosine', () => {
  it('agrees with a case worked by hand', () => {
    tf.tidy(() => {
      const a = tf.tensor2d([
        [1, 0],
        [2, 0],
        [0, 3],
        [-1, 0],
      ]);
      const b = tf.tensor2d([
        [3, 4],
        [5, 0],
        [7, 0],
        [2, 0],
      ]);
      expectClose(cosine(a, b, { reduction: 'none' }), [0.4, 0, 1, 2]);
      expectClose(cosine(a, b), 3.4 / 4);
      // −(b̂ − (â·b̂) â) / ‖a‖ with â = [1, 0], b̂ = [0.6, 0.8].
      const gradient = tf.grad((a) => cosine(a as tf.Tensor2D, b, { reduction: 'sum' }))(a);
      expectClose(tf.slice(gradient, 0, 1), [[0, -0.8]]);
    });
  });

  it('gives vectors without direction the loss 1 and no gradient', () => {
    tf.tidy(() => {
      const a = tf.tensor2d([
        [0, 0],
        [1, 2],
        [0, 0],
        [1e-20, 0],
      ]);
      const b = tf.tensor2d([
        [3, 4],
        [0, 0],
        [0, 0],
        [1, 0],
      ]);
      const f = (a: tf.Tensor, b: tf.Tensor) =>
        cosine(a as tf.Tensor2D, b as tf.Tensor2D, { reduction: 'none' });
      expectClose(f(a, b), [1, 1, 1, 1]);
      for (const gradient of tf.grads(f)([a, b])) expectClose(gradient, new Float32Array(8));
    });
  });

  it('does not depend on the lengths', () => {
    tf.tidy(() => {
      const [a, b] = [tf.tensor2d([[1, 2, 3]]), tf.tensor2d([[3, -1, 2]])];
      for (const scale of [1e-6, 1, 1e15]) {
        expectClose(cosine(tf.mul(a, scale), b), cosine(a, b));
      }
    });
  });

  it('takes matrices only', () => {
    tf.tidy(() => {
      const x = tf.ones([3]) as tf.Tensor as tf.Tensor2D;
      expect(() => cosine(x, x)).toThrow(
        'losses.cosine: prediction must be [batch, width], got [3]',
      );
    });
  });
});
