import { attentionPooling } from '@chainrule/fusion';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { layer, vectors } from '../inputs.js';

describe('attentionPooling', () => {
  // Every h stays what it is, and its score is k·tanh(h).
  const params = (k: number) => ({
    projections: { image: layer([[1]], [0]), text: layer([[1]], [0]) },
    hidden: layer([[1]], [0]),
    score: { kernel: tf.tensor2d([[k]]) },
  });
  const share = (scores: number[]) => {
    const powers = scores.map(Math.exp);
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((power) => power / sum);
  };

  it('agrees with a case of vectors worked by hand', () => {
    const fusion = attentionPooling({ widths: { image: 1, text: 1 } });
    tf.tidy(() => {
      const [a, b] = share([2 * Math.tanh(1), 2 * Math.tanh(-3)]) as [number, number];
      const z = fusion.apply(params(2), vectors({ image: [[1]], text: [[-3]] }));
      expectClose(z, [[a - 3 * b]]);
    });
  });

  it('agrees with a case of tokens worked by hand', () => {
    const fusion = attentionPooling({ widths: { image: 1, text: 1 }, over: 'tokens' });
    tf.tidy(() => {
      const z = fusion.apply(params(0), {
        image: { vector: tf.zeros([1, 1]), tokens: tf.tensor3d([[[1], [2]]]) },
        text: {
          vector: tf.zeros([1, 1]),
          tokens: tf.tensor3d([[[6], [100]]]),
          mask: tf.tensor2d([[1, 0]]),
        },
      });
      // All scores are equal: the mean of the three real tokens.
      expectClose(z, [[3]]);
    });
  });

  it('refuses to pool over something else', () => {
    expect(() => attentionPooling({ widths: { image: 1 }, over: 'pixels' as 'tokens' })).toThrow(
      'fusion.attentionPooling: over must be vectors or tokens, got "pixels"',
    );
  });
});
