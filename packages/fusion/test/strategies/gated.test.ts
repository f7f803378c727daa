import { gated } from '@chainrule/fusion';
import { flatten, key, type Tree } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { vectors } from '../inputs.js';

const { tanh } = Math;
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const kernel = (rows: number[][]) => ({ kernel: tf.tensor2d(rows) });

describe('gated', () => {
  it('agrees with a case of two modalities worked by hand, with one tied gate', () => {
    const fusion = gated({ widths: { image: 2, text: 1 }, width: 1 });
    tf.tidy(() => {
      const params = {
        hidden: { image: kernel([[0.5], [0.25]]), text: kernel([[-0.5]]) },
        gates: { image: kernel([[1], [-1], [0.5]]) },
      };
      // h_image = tanh(0.5·1 + 0.25·2), h_text = tanh(−0.5·3), g = σ(1 − 2 + 0.5·3).
      const g = sigmoid(0.5);
      const z = fusion.apply(params, vectors({ image: [[1, 2]], text: [[3]] }));
      expectClose(z, [[g * tanh(1) + (1 - g) * tanh(-1.5)]]);
    });
  });

  it('agrees with a case of three modalities worked by hand, with one gate each', () => {
    const fusion = gated({ widths: { audio: 1, image: 1, text: 1 } });
    tf.tidy(() => {
      const params = {
        hidden: { audio: kernel([[1]]), image: kernel([[2]]), text: kernel([[3]]) },
        gates: {
          audio: kernel([[1], [0], [0]]),
          image: kernel([[0], [1], [0]]),
          text: kernel([[1], [1], [1]]),
        },
      };
      const z = fusion.apply(params, vectors({ audio: [[0.1]], image: [[0.2]], text: [[0.3]] }));
      expectClose(z, [
        [sigmoid(0.1) * tanh(0.1) + sigmoid(0.2) * tanh(0.4) + sigmoid(0.6) * tanh(0.9)],
      ]);
    });
  });

  it('is as wide as the widest modality, where `width` is not set', () => {
    expect(gated({ widths: { image: 5, text: 9 } }).width).toBe(9);
  });

  it('has one gate for two modalities and n for n, without biases', () => {
    tf.tidy(() => {
      const paths = (widths: { [modality: string]: number }) =>
        flatten(gated({ widths }).init(key(0)) as Tree<tf.Tensor>).map(([path]) => path);
      expect(paths({ text: 2, image: 3 })).toEqual([
        'hidden/image/kernel',
        'hidden/text/kernel',
        'gates/image/kernel',
      ]);
      expect(paths({ audio: 2, image: 3, text: 2 }).filter((p) => p.startsWith('gates'))).toEqual([
        'gates/audio/kernel',
        'gates/image/kernel',
        'gates/text/kernel',
      ]);
    });
  });
});
