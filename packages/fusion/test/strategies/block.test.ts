import { block } from '@chainrule/fusion';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { layer, vectors } from '../inputs.js';

describe('block', () => {
  it('agrees with a case worked by hand', () => {
    const fusion = block({ widths: { image: 2, text: 2 }, blocks: 2, rank: 2, width: 2 });
    const identity = [
      [1, 0],
      [0, 1],
    ];
    tf.tidy(() => {
      const core = (kernel: number[][][], bias: number[][][]) => ({
        kernel: tf.tensor3d(kernel),
        bias: tf.tensor3d(bias),
      });
      const params = {
        projections: { image: layer(identity, [0, 0]), text: layer(identity, [0, 0]) },
        core: {
          image: core([[[1, 2]], [[1, -1]]], [[[0, 0]], [[0, 0]]]),
          text: core([[[1, 1]], [[1, 1]]], [[[0, 1]], [[0, 0]]]),
        },
        dense: layer(identity, [0.5, 0]),
      };
      // Block 0: 1·3 + 2·(3 + 1) = 11; block 1: 2·4 − 2·4 = 0. One element normalised is ±1.
      const z = fusion.apply(params, vectors({ image: [[1, 2]], text: [[3, 4]] }));
      expectClose(z, [[1.5, 0]]);
    });
  });

  it('makes its blocks wide enough for the widest modality', () => {
    const { config } = block({ widths: { image: 41, text: 9 } });
    expect(config).toMatchObject({ blocks: 20, blockWidth: 3, rank: 15, width: 41 });
  });
});
