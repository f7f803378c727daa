import { film } from '@chainrule/fusion';
import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { vectors } from '../inputs.js';

const layer = (rows: number[][], bias: number[]) => ({
  kernel: tf.tensor2d(rows),
  bias: tf.tensor1d(bias),
});

describe('film', () => {
  it('agrees with a case worked by hand', () => {
    const fusion = film({ widths: { image: 2, text: 1 } });
    tf.tidy(() => {
      // With c = 3: γ = 1 + [3·2 + 1, 3·0 − 1] = [8, 0], β = [3·1, 3·(−1) + 5] = [3, 2].
      const params = { gamma: layer([[2, 0]], [1, -1]), beta: layer([[1, -1]], [0, 5]) };
      const z = fusion.apply(params, vectors({ image: [[10, 20]], text: [[3]] }));
      expectClose(z, [[8 * 10 + 3, 0 * 20 + 2]]);
    });
  });

  it('passes the features as they are where the layers give zero', () => {
    const fusion = film({ widths: { image: 2, text: 1 } });
    tf.tidy(() => {
      const zero = layer([[0, 0]], [0, 0]);
      const z = fusion.apply(
        { gamma: zero, beta: zero },
        vectors({ image: [[7, 8]], text: [[3]] }),
      );
      expectClose(z, [[7, 8]]);
    });
  });

  it('modulates all the others, by whichever modality is named', () => {
    const widths = { audio: 1, image: 2, text: 3 };
    expect(film({ widths }).config.condition).toBe('text');
    expect(film({ widths }).width).toBe(3);
    const byImage = film({ widths, condition: 'image' });
    expect(byImage.width).toBe(4);
    tf.tidy(() => {
      const params = byImage.init(key(0));
      expect(params.gamma.kernel.shape).toEqual([2, 4]);
      const zero = layer(
        Array.from({ length: 2 }, () => [0, 0, 0, 0]),
        [0, 0, 0, 0],
      );
      const input = vectors({ audio: [[1]], image: [[9, 9]], text: [[2, 3, 4]] });
      expectClose(byImage.apply({ gamma: zero, beta: zero }, input), [[1, 2, 3, 4]]);
    });
  });

  it('works where one tensor stands for two modalities', () => {
    const fusion = film({ widths: { image: 2, text: 2 } });
    tf.tidy(() => {
      const vector = tf.tensor2d([[1, 2]]);
      const z = fusion.apply(fusion.init(key(0)), { image: { vector }, text: { vector } });
      expect(z.shape).toEqual([1, 2]);
    });
  });

  it('needs two modalities, and a condition that is one of them', () => {
    expect(() => film({ widths: { text: 2 } })).toThrow(
      'fusion.film: widths must name at least 2 modalities, got text',
    );
    expect(() => film({ widths: { image: 2, text: 2 }, condition: 'audio' })).toThrow(
      'fusion.film: condition must be one of image, text, got "audio"',
    );
  });
});
