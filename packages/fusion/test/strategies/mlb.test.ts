import { mlb } from '@chainrule/fusion';
import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { layer, vectors } from '../inputs.js';

const { tanh } = Math;

describe('mlb', () => {
  it('agrees with a case worked by hand', () => {
    const fusion = mlb({ widths: { image: 2, text: 1 }, rank: 2, width: 1 });
    tf.tidy(() => {
      const params = {
        projections: {
          image: layer(
            [
              [0.1, 0],
              [0, 0.2],
            ],
            [0, 0.1],
          ),
          text: layer([[0.1, -0.1]], [0, 0]),
        },
        dense: layer([[2], [3]], [1]),
      };
      const z = fusion.apply(params, vectors({ image: [[1, 2]], text: [[3]] }));
      expectClose(z, [[2 * tanh(0.1) * tanh(0.3) + 3 * tanh(0.5) * tanh(-0.3) + 1]]);
    });
  });

  it('has the rank of its width where none is set', () => {
    const fusion = mlb({ widths: { image: 2, text: 3 } });
    tf.tidy(() => {
      const { projections, dense } = fusion.init(key(0));
      expect(projections.image!.kernel.shape).toEqual([2, 3]);
      expect(dense.kernel.shape).toEqual([3, 3]);
    });
    expect(() => mlb({ widths: { image: 2 }, rank: 0 })).toThrow('fusion.mlb: rank must be');
  });
});
