import { checkGradients, expectClose, expectNoLeaks } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { key, normalArray, reduceMax } from '../src/index.js';

const x = () => tf.tensor4d(normalArray(key(1), 120), [2, 3, 4, 5]);

describe('reduceMax', () => {
  it.each([[1], [-1], [[1, 2]], [[-2, 0]], [[0, 1, 2, 3]]])('is tf.max along %j', (axes) => {
    tf.tidy(() => expectClose(reduceMax(x(), axes), tf.max(x(), axes)));
  });

  it('has the gradient that finite differences give', () => {
    tf.tidy(() => checkGradients(({ x }) => reduceMax(x, [1, 2]), { x: x() }));
  });

  it('shares the gradient among equals, so that it adds up', () => {
    tf.tidy(() => {
      const rows = tf.tensor2d([
        [3, 1, 3, 2],
        [0, 0, 0, 0],
      ]);
      const f = (x: tf.Tensor) => tf.mul(reduceMax(x, 1), tf.tensor1d([10, 20]));
      expectClose(tf.grad(f)(rows), [
        [5, 0, 5, 0],
        [5, 5, 5, 5],
      ]);
    });
  });

  it('leaks nothing', () => {
    expectNoLeaks(() => {
      const given = x();
      tf.dispose([
        tf.tidy(() => tf.grad((x) => reduceMax(x, 1))(given)),
        reduceMax(given, 1),
        given,
      ]);
    });
    expect(reduceMax(tf.ones([2, 3]), 1).shape).toEqual([2]);
  });
});
