import { concat } from '@chainrule/fusion';
import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { vectors } from '../inputs.js';

describe('concat', () => {
  const input = () =>
    vectors({
      text: [[3], [6]],
      image: [
        [1, 2],
        [4, 5],
      ],
    });

  it('puts the vectors one after the other, in alphabetical order', () => {
    const fusion = concat({ widths: { text: 1, image: 2 } });
    tf.tidy(() => {
      const params = fusion.init(key(0));
      expect(params).toEqual({});
      expect(fusion.width).toBe(3);
      expectClose(fusion.apply(params, input()), [
        [1, 2, 3],
        [4, 5, 6],
      ]);
    });
  });

  it('follows with a dense layer where `width` is set, by hand', () => {
    const fusion = concat({ widths: { image: 2, text: 1 }, width: 1 });
    tf.tidy(() => {
      const dense = { kernel: tf.tensor2d([[1], [10], [100]]), bias: tf.tensor1d([0.5]) };
      expectClose(fusion.apply({ dense }, input()), [[321.5], [654.5]]);
    });
  });
});
