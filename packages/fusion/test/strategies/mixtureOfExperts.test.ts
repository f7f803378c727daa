import { mixtureOfExperts } from '@chainrule/fusion';
import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { layer, vectors } from '../inputs.js';

describe('mixtureOfExperts', () => {
  const { log } = Math;
  const fusion = mixtureOfExperts({ widths: { image: 1, text: 1 }, width: 1 });
  // Opinions 1, relu(−1) = 0, 10 and 20; gates in the ratio 1 : 2 : 3 : 4.
  const params = () => ({
    experts: { image: layer([[1, -1]], [0, 0]), text: layer([[5, 10]], [0, 0]) },
    gate: layer(
      [
        [0, log(2), 0, 0],
        [0, 0, 0, log(2)],
      ],
      [0, 0, log(3), 0],
    ),
  });
  const input = () => vectors({ image: [[1]], text: [[2]] });

  it('agrees with a case worked by hand', () => {
    tf.tidy(() => {
      expectClose(fusion.apply(params(), input()), [[(1 * 1 + 3 * 10 + 4 * 20) / 10]]);
    });
  });

  it('shares the weight of absent experts among the others', () => {
    tf.tidy(() => {
      const { image, text } = input();
      const absent = { ...image!, present: tf.tensor1d([0]) };
      const z = fusion.apply(params(), { image: absent, text: text! });
      expectClose(z, [[(3 * 10 + 4 * 20) / 7]]);
    });
  });

  it('has two experts a modality unless told otherwise', () => {
    tf.tidy(() => {
      const widths = { audio: 2, image: 3, text: 4 };
      expect(mixtureOfExperts({ widths }).init(key(0)).gate.kernel.shape).toEqual([9, 6]);
      const { experts, gate } = mixtureOfExperts({ widths, experts: 5 }).init(key(0));
      expect(gate.kernel.shape).toEqual([9, 15]);
      expect(experts.image!.kernel.shape).toEqual([3, 20]);
    });
  });
});
