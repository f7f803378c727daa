import { mutan } from '@chainrule/fusion';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { layer, vectors } from '../inputs.js';

describe('mutan', () => {
  it('agrees with a case worked by hand', () => {
    const fusion = mutan({ widths: { image: 1, text: 1 }, hidden: 1, rank: 2, width: 2 });
    tf.tidy(() => {
      const params = {
        projections: { image: layer([[0.5]], [0]), text: layer([[-0.1]], [0.5]) },
        core: {
          image: layer([[1, 2, 3, 4]], [0, 0, 0, 1]),
          text: layer([[1, 1, -1, 2]], [0, 0, 0, 0]),
        },
      };
      const z = fusion.apply(params, vectors({ image: [[2]], text: [[3]] }));
      const [h, g] = [Math.tanh(1), Math.tanh(0.2)];
      expectClose(z, [[h * g - 3 * h * g, 2 * h * g + (4 * h + 1) * 2 * g]]);
    });
  });

  it('is as wide as the widest modality, within and without', () => {
    const { config } = mutan({ widths: { image: 5, text: 9 } });
    expect(config).toMatchObject({ hidden: 9, width: 9, rank: 10 });
  });
});
