import { mfb } from '@chainrule/fusion';
import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { layer, vectors } from '../inputs.js';

describe('mfb', () => {
  const widths = { image: 1, text: 1 };
  // Products: [1·1, 2·5, 3·1, 2·(−15)]·x·y for x = 1, y = 1; element 0 is 1 + 3, element 1 10 − 30.
  const params = () => ({
    image: layer([[1, 2, 3, 2]], [0, 0, 0, 0]),
    text: layer([[1, 5, 1, -15]], [0, 0, 0, 0]),
  });
  const input = () => vectors({ image: [[1]], text: [[1]] });

  it('agrees with a case worked by hand, without normalisation', () => {
    const fusion = mfb({ widths, factors: 2, width: 2, normalize: false });
    tf.tidy(() => expectClose(fusion.apply(params(), input()), [[4, -20]]));
  });

  it('takes the signed root, and divides by the length', () => {
    const fusion = mfb({ widths, factors: 2, width: 2 });
    tf.tidy(() => {
      expectClose(fusion.apply(params(), input()), [[Math.sqrt(4 / 24), -Math.sqrt(20 / 24)]]);
    });
  });

  it('has finite gradients where everything is zero', () => {
    const fusion = mfb({ widths, factors: 2, width: 2 });
    tf.tidy(() => {
      const f = (x: tf.Tensor) =>
        fusion.apply(params(), { image: { vector: x as tf.Tensor2D }, text: input().text! });
      const gradient = tf.grad(f)(tf.zeros([1, 1]));
      expect(gradient.dataSync().every(Number.isFinite)).toBe(true);
    });
  });

  it('drops products while training only, and needs a key then', () => {
    const fusion = mfb({ widths, factors: 2, width: 2, dropout: 0.5, normalize: false });
    tf.tidy(() => {
      const drawn = Array.from({ length: 20 }, (_, seed) =>
        fusion.apply(params(), input(), { training: true, key: key(seed) }).dataSync(),
      );
      // What is kept is doubled.
      expect(new Set(drawn.map(([first]) => first))).toEqual(new Set([0, 2, 6, 8]));
      expect(() => fusion.apply(params(), input(), { training: true })).toThrow('needs a key');
    });
  });
});
