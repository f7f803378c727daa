import { nonLocalGate } from '@chainrule/fusion';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, it } from 'vitest';
import { layer } from '../inputs.js';

describe('nonLocalGate', () => {
  it('agrees with a case worked by hand', () => {
    const fusion = nonLocalGate({ widths: { image: 1, text: 1 }, query: 'image' });
    tf.tidy(() => {
      const params = {
        query: { image: layer([[1]], [0]) },
        theta: layer([[1]], [0]),
        phi: { text: { kernel: tf.tensor2d([[1]]) } },
        g: { text: layer([[8]], [0]) },
        out: layer([[0.5]], [1]),
      };
      // Places 0 and 1 look at words 0 and ln 3, with weights 1/2, 1/2 and 1/4, 3/4.
      const z = fusion.apply(params, {
        image: { vector: tf.zeros([1, 1]), tokens: tf.tensor3d([[[0], [1]]]) },
        text: { vector: tf.zeros([1, 1]), tokens: tf.tensor3d([[[0], [Math.log(3)]]]) },
      });
      const seen = (weight: number) => 0.5 * (weight * 8 * Math.log(3)) + 1;
      expectClose(z, [[(0 + seen(1 / 2) + 1 + seen(3 / 4)) / 2]]);
    });
  });
});
