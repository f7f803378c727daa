import { mmtm } from '@chainrule/fusion';
import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { layer, vectors } from '../inputs.js';

describe('mmtm', () => {
  it('agrees with a case worked by hand', () => {
    const fusion = mmtm({ widths: { image: 2, text: 1 }, reduction: 3 });
    tf.tidy(() => {
      // s = relu(1 + 2 − 4 + 2) = 1; the gates are σ(0) = 1/2, σ(ln 3) = 3/4, σ(−ln 3) = 1/4.
      const params = {
        squeeze: layer([[1], [1], [-1]], [2]),
        excite: layer([[0, Math.log(3), 0]], [0, 0, -Math.log(3)]),
      };
      const z = fusion.apply(params, vectors({ image: [[1, 2]], text: [[4]] }));
      expectClose(z, [[1, 3, 2]]);
    });
  });

  it('rounds the joint width up, and follows with a dense layer where `width` is set', () => {
    const fusion = mmtm({ widths: { image: 3, text: 2 }, width: 7 });
    tf.tidy(() => {
      const params = fusion.init(key(0));
      expect(params.squeeze.kernel.shape).toEqual([5, 2]);
      expect(params.dense!.kernel.shape).toEqual([5, 7]);
      expect(fusion.width).toBe(7);
    });
  });

  it('refuses a reduction that is not positive', () => {
    expect(() => mmtm({ widths: { image: 2, text: 2 }, reduction: 0 })).toThrow(
      'fusion.mmtm: reduction must be positive, got 0',
    );
  });
});
