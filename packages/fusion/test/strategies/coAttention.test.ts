import { coAttention } from '@chainrule/fusion';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, it } from 'vitest';
import { layer } from '../inputs.js';

describe('coAttention', () => {
  it('agrees with a case worked by hand', () => {
    const fusion = coAttention({ widths: { image: 1, text: 1 } });
    const { tanh, exp } = Math;
    const one = { kernel: tf.tensor2d([[1]]) };
    tf.tidy(() => {
      const params = {
        tokens: { image: layer([[1]], [0]), text: layer([[1]], [0]) },
        affinity: { image: { text: { kernel: tf.tensor2d([[2]]) } } },
        hidden: { image: one, text: one },
        score: { image: one, text: one },
        out: layer([[1]], [0.1]),
      };
      const [a, b, t] = [0.5, -0.25, 0.3];
      const z = fusion.apply(params, {
        image: { vector: tf.zeros([1, 1]), tokens: tf.tensor3d([[[a], [b]]]) },
        text: { vector: tf.zeros([1, 1]), tokens: tf.tensor3d([[[t]]]) },
      });
      // C is [tanh(2at), tanh(2bt)]; the one word has all the weight of the text.
      const score = (x: number) => exp(tanh(x + tanh(2 * x * t) * t));
      const image = (score(a) * a + score(b) * b) / (score(a) + score(b));
      expectClose(z, [[tanh(image + t + 0.1)]]);
    });
    one.kernel.dispose();
  });
});
