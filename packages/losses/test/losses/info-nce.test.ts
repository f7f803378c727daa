import { infoNce } from '@chainrule/losses';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, it } from 'vitest';

const { exp, log } = Math;

describe('infoNce', () => {
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
      // Image 1 sees both texts alike with 1, image 2 with 0; text 1 sees image 1 with 2, text 2 too.
      const toText = [log(2), log(2)];
      const toImage = [-log(exp(2) / (exp(2) + 1)), -log(1 / (exp(2) + 1))];
      const expected = toText.map((x, i) => (x + toImage[i]!) / 2);
      expectClose(infoNce(image, text, { scale: 2, reduction: 'none' }), expected);
    });
  });

  it('spreads over all texts of the same label', () => {
    tf.tidy(() => {
      const image = tf.tensor2d([
        [1, 0],
        [1, 0],
        [0, 1],
      ]);
      const labels = tf.tensor1d([7, 7, 4], 'int32');
      // Two of three candidates are right and equally close: each has half of what they share.
      const own = -log(exp(1) / (2 * exp(1) + 1));
      const alone = -log(exp(1) / (exp(1) + 2));
      const found = infoNce(image, image, { scale: 1, labels, reduction: 'none' });
      expectClose(found, [own, own, alone]);
    });
  });
});
