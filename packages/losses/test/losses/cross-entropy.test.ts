import { crossEntropy } from '@chainrule/losses';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';

const { exp, log } = Math;

describe('crossEntropy', () => {
  const logits = () =>
    tf.tensor2d([
      [2, 0, 0],
      [0, 0, 0],
    ]);
  const labels = () => tf.tensor1d([0, 2], 'int32');

  it('agrees with a case worked by hand', () => {
    tf.tidy(() => {
      const z = exp(2) + 2;
      const expected = [-log(exp(2) / z), log(3)];
      expectClose(crossEntropy(logits(), labels(), { reduction: 'none' }), expected);
      const gradient = tf.grad((x) =>
        crossEntropy(x as tf.Tensor2D, labels(), { reduction: 'sum' }),
      )(logits());
      expectClose(gradient, [
        [exp(2) / z - 1, 1 / z, 1 / z],
        [1 / 3, 1 / 3, 1 / 3 - 1],
      ]);
    });
  });

  it('smooths labels as t(1 − ε) + ε/K, by hand', () => {
    tf.tidy(() => {
      const x = tf.tensor2d([[log(4), 0]]);
      // p = [0.8, 0.2], t = [0.9, 0.1].
      const label = tf.tensor1d([0], 'int32');
      const loss = crossEntropy(x, label, { labelSmoothing: 0.2 });
      expectClose(loss, -0.9 * log(0.8) - 0.1 * log(0.2));
    });
  });

  it('gives the same for labels and for their one-hot rows, of any type', () => {
    tf.tidy(() => {
      const hot = tf.tensor2d([
        [1, 0, 0],
        [0, 0, 1],
      ]);
      for (const options of [{}, { labelSmoothing: 0.3 }]) {
        const expected = crossEntropy(logits(), labels(), options);
        expectClose(crossEntropy(logits(), hot, options), expected);
        expectClose(crossEntropy(logits(), tf.cast(hot, 'int32'), options), expected);
        expectClose(crossEntropy(logits(), tf.cast(hot, 'bool'), options), expected);
      }
    });
  });

  it('stays finite for extreme logits, value and gradient', () => {
    tf.tidy(() => {
      const x = tf.tensor2d([
        [1e30, -1e30],
        [-1e30, 1e30],
        [1e4, -1e4],
      ]);
      const label = tf.tensor1d([0, 1, 1], 'int32');
      expectClose(crossEntropy(x, label, { reduction: 'none' }), [0, 0, 2e4]);
      const gradient = tf.grad((x) => crossEntropy(x as tf.Tensor2D, label))(x);
      expectClose(gradient, [
        [0, 0],
        [0, 0],
        [1 / 3, -1 / 3],
      ]);
    });
  });

  it('treats a label that is out of range as no class', () => {
    tf.tidy(() => {
      const label = tf.tensor1d([-1, 7], 'int32');
      expectClose(crossEntropy(logits(), label), 0);
    });
  });

  it('says what is wrong with labels, logits and options', () => {
    tf.tidy(() => {
      expect(() => crossEntropy(logits(), tf.tensor1d([0, 2]))).toThrow(
        "losses.crossEntropy: labels must be int32, got float32; use tf.cast(labels, 'int32')",
      );
      expect(() => crossEntropy(logits(), tf.tensor1d([0, 2, 1], 'int32'))).toThrow(
        'losses.crossEntropy: labels must be [2], got [3]',
      );
      expect(() => crossEntropy(logits(), tf.ones<tf.Rank.R2>([2, 4]))).toThrow(
        'losses.crossEntropy: labels must be [2] or [2, 3], got [2, 4]',
      );
      expect(() => crossEntropy(tf.ones([2, 1]), labels())).toThrow('use binaryCrossEntropy');
      expect(() => crossEntropy(logits(), labels(), { labelSmoothing: 1.5 })).toThrow(
        'losses.crossEntropy: labelSmoothing must be within 0 and 1, got 1.5',
      );
    });
  });
});
