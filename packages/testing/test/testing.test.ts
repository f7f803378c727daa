import '@tensorflow/tfjs';
import { type DenseOptions, dense } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { checkGradients, expectClose, expectNoLeaks, moduleContract } from '../src/index.js';

describe('expectClose', () => {
  it('names the first mismatch', () => {
    const x = tf.tensor2d([1, 2, 3, 4], [2, 2]);
    expectClose(x, [
      [1, 2],
      [3, 4.00001],
    ]);
    expectClose(x, [1, 2, 3, 4]);
    expectClose(x, { shape: [2, 2], data: [1, 2, 3, 4] });
    expect(() =>
      expectClose(x, [
        [1, 2],
        [3.5, 5],
      ]),
    ).toThrow(
      'expectClose: 2 of 4 values differ (rtol 0.00001, atol 0.000001); first at [1, 0]: 3, expected 3.5; largest difference 1',
    );
    expect(() => expectClose(x, [[1, 2, 3, 4]])).toThrow('shape [2,2], expected [1,4]');
    expect(() => expectClose([Number.NaN], [1])).toThrow('NaN, expected 1');
    expectClose([Number.NaN, Infinity], [Number.NaN, Infinity]);
  });
});

describe('expectNoLeaks', () => {
  it('counts what is left', async () => {
    let left: tf.Tensor | undefined;
    expect(() =>
      expectNoLeaks(() => {
        left = tf.scalar(1);
      }),
    ).toThrow('1 tensors were left behind');
    await expect(expectNoLeaks(async () => left!.dispose())).rejects.toThrow('1 tensors too many');
    expectNoLeaks(() => tf.scalar(1).dispose());
  });
});

describe('checkGradients', () => {
  const x = tf.tensor1d([0.3, -1.2, 2.5]);
  it('accepts a right gradient', () => {
    checkGradients(({ a, b }) => tf.mul(tf.sin(a), tf.square(b)), {
      a: x,
      b: tf.tensor1d([1, 2, 3]),
    });
    checkGradients((a) => tf.relu(a), tf.tensor1d([0.003, -0.002, 1]));
  });
  it('rejects a wrong one', () => {
    const wrong = tf.customGrad((a, save) => {
      (save as tf.GradSaveFunc)([a as tf.Tensor]);
      return {
        value: tf.square(a as tf.Tensor),
        gradFunc: (dy, [saved]) => tf.mul(dy as tf.Tensor, tf.mul(saved!, 2.2)),
      };
    });
    expect(() => checkGradients((a) => wrong(a), x)).toThrow(
      /checkGradients: input\[\d\]: the gradient is/,
    );
  });
});

moduleContract('dense', () => dense({ in: 4, out: 3, activation: 'tanh' }), {
  input: () => tf.tensor2d([1, 2, 3, 4, 5, 6, 7, 8], [2, 4]),
  outputShape: [2, 3],
  fromConfig: ({ type: _, ...options }) => dense(options as unknown as DenseOptions),
});
