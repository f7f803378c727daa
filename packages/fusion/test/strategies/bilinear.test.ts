import { bilinear } from '@chainrule/fusion';
import { flatten, key, type Tree } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { vectors } from '../inputs.js';

describe('bilinear', () => {
  it('agrees with a case worked by hand', () => {
    const fusion = bilinear({ widths: { image: 2, text: 2 }, width: 1 });
    tf.tidy(() => {
      // 1·(1·3 + 2·4) + 2·(0·3 − 1·4) + 0.5.
      const text = tf.tensor3d([
        [[1], [2]],
        [[0], [-1]],
      ]);
      const params = { kernels: { image: { text } }, bias: tf.tensor1d([0.5]) };
      const z = fusion.apply(params, vectors({ image: [[1, 2]], text: [[3, 4]] }));
      expectClose(z, [[3.5]]);
    });
  });

  it('sums over the pairs of three modalities', () => {
    const fusion = bilinear({ widths: { audio: 1, image: 1, text: 1 } });
    tf.tidy(() => {
      const one = (value: number) => tf.tensor3d([[[value]]]);
      const kernels = { audio: { image: one(1), text: one(10) }, image: { text: one(100) } };
      const input = vectors({ audio: [[2]], image: [[3]], text: [[5]] });
      const z = fusion.apply({ kernels, bias: tf.tensor1d([0]) }, input);
      expectClose(z, [[6 + 10 * 10 + 100 * 15]]);
    });
  });

  it('is at most 64 wide where `width` is not set, for the kernel grows with its cube', () => {
    const fusion = bilinear({ widths: { image: 70, text: 65 } });
    tf.tidy(() => {
      const [[, kernel]] = flatten(fusion.init(key(0)) as Tree<tf.Tensor>) as [[string, tf.Tensor]];
      expect(kernel.shape).toEqual([70, 65, 64]);
    });
  });

  it('needs two modalities', () => {
    expect(() => bilinear({ widths: { text: 2 } })).toThrow('at least 2 modalities, got text');
  });
});
