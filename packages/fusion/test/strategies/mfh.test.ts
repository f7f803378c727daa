import { mfh } from '@chainrule/fusion';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { layer, vectors } from '../inputs.js';

describe('mfh', () => {
  const widths = { image: 1, text: 1 };
  const params = () => ({
    blocks: [
      { image: layer([[1, 2]], [0, 0]), text: layer([[1, 1]], [0, 0]) },
      { image: layer([[3, -1]], [0, 0]), text: layer([[1, 1]], [0, 0]) },
    ],
  });
  const input = () => vectors({ image: [[1]], text: [[1]] });

  it('agrees with a case worked by hand', () => {
    const fusion = mfh({ widths, factors: 2, normalize: false });
    // Products [1, 2] are summed to 3; times [3, −1] they are [3, −2], summed to 1.
    tf.tidy(() => expectClose(fusion.apply(params(), input()), [[3, 1]]));
  });

  it('normalises each block on its own', () => {
    const fusion = mfh({ widths, factors: 1, width: 4 });
    tf.tidy(() => {
      const [a, b] = [Math.sqrt(1 / 3), Math.sqrt(2 / 3)];
      const [c, d] = [Math.sqrt(3 / 5), -Math.sqrt(2 / 5)];
      expectClose(fusion.apply(params(), input()), [[a, b, c, d]]);
    });
  });

  it('is `order` times as wide as the widest, and wants a multiple of `order`', () => {
    expect(mfh({ widths: { image: 3, text: 2 }, order: 3 }).width).toBe(9);
    expect(() => mfh({ widths, order: 2, width: 7 })).toThrow(
      'fusion.mfh: width must be a multiple of order, got width 7 and order 2; take width 8',
    );
  });
});
