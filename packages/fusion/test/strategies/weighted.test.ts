import { weighted } from '@chainrule/fusion';
import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { vectors } from '../inputs.js';

describe('weighted', () => {
  const input = () => vectors({ image: [[1, 2]], text: [[5, -2]] });

  it('starts as the mean', () => {
    const fusion = weighted({ widths: { image: 2, text: 2 } });
    tf.tidy(() => expectClose(fusion.apply(fusion.init(key(0)), input()), [[3, 0]]));
  });

  it('agrees with a case worked by hand', () => {
    const fusion = weighted({ widths: { image: 2, text: 2 } });
    tf.tidy(() => {
      // softmax([ln 3, 0]) = [3/4, 1/4].
      const params = { logits: tf.tensor1d([Math.log(3), 0]) };
      expectClose(fusion.apply(params, input()), [[2, 1]]);
    });
  });

  it('shares the weight of what is absent among the others', () => {
    const fusion = weighted({ widths: { audio: 1, image: 1, text: 1 } });
    tf.tidy(() => {
      const params = { logits: tf.tensor1d([7, Math.log(3), 0]) };
      const { audio, image, text } = vectors({ audio: [[9]], image: [[1]], text: [[5]] });
      const input = { audio: { ...audio!, present: tf.tensor1d([0]) }, image: image!, text: text! };
      expectClose(fusion.apply(params, input), [[2]]);
    });
  });

  it('projects only where the widths differ or `width` is set', () => {
    tf.tidy(() => {
      expect(weighted({ widths: { image: 2, text: 2 } }).init(key(0)).projections).toBeUndefined();
      const differing = weighted({ widths: { image: 2, text: 3 } });
      expect(differing.width).toBe(3);
      expect(differing.init(key(0)).projections!.image!.kernel.shape).toEqual([2, 3]);
      const set = weighted({ widths: { image: 2, text: 2 }, width: 5 });
      expect(set.init(key(0)).projections!.text!.kernel.shape).toEqual([2, 5]);
    });
  });
});
