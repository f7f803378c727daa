import { siglip } from '@chainrule/losses';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, it } from 'vitest';

const cost = (x: number) => Math.log(1 + Math.exp(-x));

describe('siglip', () => {
  it('agrees with a case worked by hand', () => {
    tf.tidy(() => {
      const image = tf.tensor2d([
        [1, 0],
        [0, 1],
      ]);
      const text = tf.tensor2d([
        [1, 0],
        [1, 0],
      ]);
      // Logits: image 1 has 2 − 1 with both texts, image 2 has −1 with both.
      const expected = [cost(1) + cost(-1), cost(1) + cost(-1)];
      expectClose(siglip(image, text, { scale: 2, bias: -1, reduction: 'none' }), expected);
      const labels = tf.tensor1d([5, 5], 'int32');
      const together = siglip(image, text, { scale: 2, bias: -1, labels, reduction: 'none' });
      expectClose(together, [2 * cost(1), 2 * cost(-1)]);
    });
  });
});
