import { mcb } from '@chainrule/fusion';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { circularConvolution, randomHash, reachedBins } from '../../src/circular-convolution.js';
import { embeddings, vectors } from '../inputs.js';

const hash = (bins: number[], signs: number[]) => ({
  bins: Int32Array.from(bins),
  signs: Float32Array.from(signs),
});

describe('the convolution of count sketches', () => {
  it('agrees with a case worked by hand', () => {
    // Sketches [1 − 2, 0, 3, 0] and [0, 5, 0, −7]; products land in bins (0 or 2) + (1 or 3).
    const hashes = [hash([0, 0, 2], [1, -1, 1]), hash([1, 3], [1, -1])];
    const { apply } = circularConvolution(hashes, 4);
    tf.tidy(() => {
      const z = apply([tf.tensor2d([[1, 2, 3]]), tf.tensor2d([[5, 7]])]);
      expectClose(z, [[0, -5 - 21, 0, 7 + 15]]);
    });
    expect([...reachedBins(hashes, 4)]).toEqual([0, 1, 0, 1]);
  });

  it('convolves lengths with and without divisors, of one vector and of four', () => {
    tf.tidy(() => {
      for (const size of [1, 2, 7, 12, 16]) {
        for (const count of [1, 2, 4]) {
          const hashes = Array.from({ length: count }, (_, i) => randomHash(i, 'x', 3, size));
          const values = hashes.map((_, i) => [1 + i, -2, 0.5 * i]);
          let expected = [1, ...Array.from({ length: size - 1 }, () => 0)];
          hashes.forEach(({ bins, signs }, i) => {
            const next = expected.map(() => 0);
            values[i]!.forEach((value, m) => {
              expected.forEach((held, bin) => {
                next[(bin + bins[m]!) % size]! += held * value * signs[m]!;
              });
            });
            expected = next;
          });
          const z = circularConvolution(hashes, size).apply(values.map((v) => tf.tensor2d([v])));
          expectClose(z, [expected], { atol: 1e-4 });
        }
      }
    });
  });
});

describe('mcb', () => {
  it('keeps inner products of outer products, on average', () => {
    const widths = { image: 16, text: 16 };
    const fusion = mcb({ widths, width: 4096, normalize: false });
    tf.tidy(() => {
      const { image, text } = embeddings(widths, 2);
      // Nearly equal pairs, so that the inner product is large.
      const [a, b] = [image!, text!].map(({ vector }) =>
        tf.concat([tf.slice(vector, 0, 1), tf.add(tf.slice(vector, 0, 1), 0.1)], 0),
      ) as [tf.Tensor2D, tf.Tensor2D];
      const z = fusion.apply({}, { image: { vector: a }, text: { vector: b } });
      const inner = (x: tf.Tensor) =>
        tf.sum(tf.mul(tf.slice(x, [0, 0], [1, -1]), tf.slice(x, [1, 0], [1, -1]))).dataSync()[0]!;
      expect(Math.abs(inner(z) / (inner(a) * inner(b)) - 1)).toBeLessThan(0.1);
    });
  });

  it('draws its projections from the seed, and tells modalities apart', () => {
    const widths = { image: 4, text: 4 };
    const input = () => vectors({ image: [[1, 2, 3, 4]], text: [[4, 3, 2, 1]] });
    tf.tidy(() => {
      const z = (seed: number) => [
        ...mcb({ widths, width: 16, seed }).apply({}, input()).dataSync(),
      ];
      expect(z(1)).toEqual(z(1));
      expect(z(1)).not.toEqual(z(2));
    });
    expect(randomHash(0, 'image', 8, 64)).not.toEqual(randomHash(0, 'text', 8, 64));
  });

  it('is exactly zero in bins that nothing reaches', () => {
    const fusion = mcb({ widths: { image: 1, text: 1 }, width: 9 });
    tf.tidy(() => {
      const z = fusion.apply({}, vectors({ image: [[2]], text: [[3]] })).dataSync();
      expect([...z].filter((value) => value !== 0)).toHaveLength(1);
      expectClose(z.map(Math.abs).sort(), [0, 0, 0, 0, 0, 0, 0, 0, 1]);
    });
  });

  it('refuses a long width without divisors, and a bad seed', () => {
    const widths = { image: 1, text: 1 };
    expect(() => mcb({ widths, width: 10_007 })).toThrow('take 10048');
    expect(() => mcb({ widths, seed: -1 })).toThrow('seed must be a non-negative integer, got -1');
  });
});
