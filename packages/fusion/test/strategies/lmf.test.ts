import { lmf } from '@chainrule/fusion';
import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { vectors } from '../inputs.js';

describe('lmf', () => {
  it('agrees with a case worked by hand', () => {
    const fusion = lmf({ widths: { image: 2, text: 1 }, rank: 2, width: 1 });
    tf.tidy(() => {
      const params = {
        image: tf.tensor2d([
          [1, 0],
          [1, 1],
          [0, 1],
        ]),
        text: tf.tensor2d([
          [2, 0],
          [0, 5],
        ]),
      };
      // Rank 0: (2 + 3)·2·4; rank 1: (3 + 1)·5.
      const z = fusion.apply(params, vectors({ image: [[2, 3]], text: [[4]] }));
      expectClose(z, [[60]]);
    });
  });

  it('trains its factors: a step against the gradient lowers the loss', () => {
    const fusion = lmf({ widths: { image: 3, text: 2 } });
    tf.tidy(() => {
      const params = fusion.init(key(0));
      const input = vectors({ image: [[1, -1, 2]], text: [[0.5, 1]] });
      const names = Object.keys(params);
      const loss = (...factors: tf.Tensor[]) =>
        tf.sum<tf.Scalar>(
          tf.square(
            tf.sub(
              fusion.apply(
                Object.fromEntries(names.map((name, i) => [name, factors[i] as tf.Tensor2D])),
                input,
              ),
              1,
            ),
          ),
        );
      const factors = Object.values(params);
      const steps = tf.grads(loss)(factors);
      expect(steps.map((step) => step.shape)).toEqual([
        [4, 12],
        [3, 12],
      ]);
      const moved = factors.map((factor, i) => tf.sub(factor, tf.mul(steps[i]!, 0.01)));
      expect(loss(...moved).dataSync()[0]).toBeLessThan(loss(...factors).dataSync()[0]!);
    });
  });
});
