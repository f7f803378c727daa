import '@tensorflow/tfjs';
import { precomputed } from '@chainrule/tensor';
import { expectClose, expectNoLeaks } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

describe('precomputed', () => {
  it('gives what it is given', () => {
    tf.tidy(() => {
      const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
      expectClose(precomputed({ width: 3 }).apply({}, x).vector, x);
      const both = tf.tensor3d([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [2, 3, 2]);
      const { vector, tokens } = precomputed({ width: 2, tokens: 2 }).apply({}, both);
      expectClose(vector, [1, 2, 7, 8]);
      expectClose(tokens!, [3, 4, 5, 6, 9, 10, 11, 12]);
    });
  });

  it('leaks nothing, and names another width', () => {
    expectNoLeaks(() => {
      const x = tf.ones([2, 3]);
      precomputed({ width: 3 }).apply({}, x).vector.dispose();
      x.dispose();
    });
    expect(() => precomputed({ width: 4 }).apply({}, tf.ones([2, 3]))).toThrow(
      'tensor.precomputed: input must be [batch, 4], got [2, 3]',
    );
    expect(() => precomputed({ width: 0 })).toThrow('width must be a positive integer');
  });
});
