import { bilinearAttention } from '@chainrule/fusion';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, it } from 'vitest';
import { layer } from '../inputs.js';

describe('bilinearAttention', () => {
  it('agrees with a case worked by hand', () => {
    const fusion = bilinearAttention({ widths: { image: 1, text: 1 }, glimpses: 1 });
    tf.tidy(() => {
      const params = {
        query: { text: layer([[1]], [0]) },
        u: { text: layer([[1]], [0]) },
        v: { image: layer([[1]], [0]) },
        p: tf.tensor2d([[Math.log(2)]]),
        glimpses: [
          { u: layer([[1]], [1]), v: { image: layer([[2]], [0]) }, out: layer([[3]], [0.5]) },
        ],
      };
      // Words 1 and 2, places 0 and 1: logits ln 2 · [0, 1, 0, 2], so weights 1/8, 2/8, 1/8, 4/8.
      // Values (word + 1)(2 place) are 0, 4, 0, 6: together 1 + 3 = 4, and P gives 12.5 to each word.
      const z = fusion.apply(params, {
        image: { vector: tf.zeros([1, 1]), tokens: tf.tensor3d([[[0], [1]]]) },
        text: { vector: tf.zeros([1, 1]), tokens: tf.tensor3d([[[1], [2]]]) },
      });
      expectClose(z, [[1 + 12.5 + 2 + 12.5]]);
    });
  });
});
