import { productOfExperts } from '@chainrule/fusion';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, it } from 'vitest';
import { layer, vectors } from '../inputs.js';

describe('productOfExperts', () => {
  const fusion = productOfExperts({ widths: { image: 1, text: 1 } });
  // Means are the inputs; the precisions are 3 and 6.
  const params = (image = Math.log(3), text = Math.log(6)) => ({
    image: layer([[1, 0]], [0, image]),
    text: layer([[1, 0]], [0, text]),
  });
  const input = () => vectors({ image: [[2]], text: [[4]] });

  it('agrees with a case worked by hand', () => {
    tf.tidy(() => expectClose(fusion.apply(params(), input()), [[(3 * 2 + 6 * 4) / (1 + 3 + 6)]]));
  });

  it('follows the surer expert, however sure, and the prior where none is', () => {
    tf.tidy(() => {
      expectClose(fusion.apply(params(500, 90), input()), [[2]]);
      expectClose(fusion.apply(params(-500, -500), input()), [[0]]);
    });
  });

  it('leaves out what is absent', () => {
    tf.tidy(() => {
      const { image, text } = input();
      const absent = { ...text!, present: tf.tensor1d([0]) };
      expectClose(fusion.apply(params(), { image: image!, text: absent }), [[6 / 4]]);
    });
  });
});
