import { crossAttention } from '@chainrule/fusion';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { layer } from '../inputs.js';

describe('crossAttention', () => {
  it('agrees with a case worked by hand', () => {
    const fusion = crossAttention({
      widths: { image: 5, text: 1 },
      tokenWidths: { image: 1 },
      width: 1,
    });
    tf.tidy(() => {
      const params = {
        query: layer([[2]], [1]),
        tokens: { image: layer([[1]], [1]) },
        attention: {
          query: layer([[1]], [0]),
          key: { kernel: tf.tensor2d([[1]]) },
          value: layer([[1]], [0]),
          out: layer([[10]], [0.5]),
        },
      };
      // q = 2·0 + 1 = 1. The tokens become 1 and 1 + ln 3, so their weights are 1/4 and 3/4.
      const z = fusion.apply(params, {
        image: {
          vector: tf.zeros([1, 5]),
          tokens: tf.tensor3d([[[0], [Math.log(3)], [9]]]),
          mask: tf.tensor2d([[1, 1, 0]]),
        },
        text: { vector: tf.tensor2d([[0]]) },
      });
      expectClose(z, [[1 + 10 * (1 + 0.75 * Math.log(3)) + 0.5]]);
    });
  });

  it('asks by the last modality in the alphabet, with heads that divide the width', () => {
    const { config } = crossAttention({ widths: { text: 6, image: 4 } });
    expect(config).toMatchObject({ query: 'text', width: 6, heads: 2 });
    expect(crossAttention({ widths: { text: 8, image: 4 } }).config.heads).toBe(4);
    expect(crossAttention({ widths: { text: 5, image: 4 } }).config.heads).toBe(1);
  });
});
