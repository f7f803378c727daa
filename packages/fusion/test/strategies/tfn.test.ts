import { tfn } from '@chainrule/fusion';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { layer, vectors } from '../inputs.js';

describe('tfn', () => {
  const one = () => layer([[1]], [0]);

  it('agrees with a case of two modalities worked by hand', () => {
    const fusion = tfn({ widths: { image: 2, text: 1 }, hidden: 2 });
    tf.tidy(() => {
      const identity = [
        [1, 0],
        [0, 1],
      ];
      const params = {
        projections: { image: layer(identity, [0, 0]), text: layer([[1, 10]], [0, 0]) },
      };
      const z = fusion.apply(params, vectors({ image: [[2, 3]], text: [[5]] }));
      expectClose(z, [[10, 100, 2, 15, 150, 3, 5, 50, 1]]);
    });
  });

  it('holds the modalities alone, in pairs and all three', () => {
    const fusion = tfn({ widths: { audio: 1, image: 1, text: 1 }, hidden: 1 });
    tf.tidy(() => {
      const params = { projections: { audio: one(), image: one(), text: one() } };
      const z = fusion.apply(params, vectors({ audio: [[2]], image: [[3]], text: [[5]] }));
      expectClose(z, [[30, 6, 10, 2, 15, 3, 5, 1]]);
    });
  });

  it('is as wide as its tensor, or `width`', () => {
    expect(tfn({ widths: { image: 128, text: 128 } }).width).toBe(33 ** 2);
    expect(tfn({ widths: { image: 128, text: 128 }, width: 8 }).width).toBe(8);
  });
});
