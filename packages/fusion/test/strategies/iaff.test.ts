import { iaff } from '@chainrule/fusion';
import { flatten, key, type Tree } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { kernel, vectors } from '../inputs.js';

// One channel: with these norms a branch is `up` · relu(`down` · s) + `offset`, but for 1e-5.
const norm = (offset: number) => ({
  scale: tf.tensor1d([1]),
  offset: tf.tensor1d([offset]),
  statistics: { mean: tf.tensor1d([0]), variance: tf.tensor1d([1 - 1e-5]) },
});
const branch = (down: number, up: number, offset = 0) => ({
  down: kernel([[down]]),
  downNorm: norm(0),
  up: kernel([[up]]),
  upNorm: norm(offset),
});
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

describe('iaff', () => {
  it('agrees with a case worked by hand', () => {
    const fusion = iaff({ widths: { image: 1, text: 1 } });
    tf.tidy(() => {
      // s = 6, M₁ = σ(6 − 6) = 1/2, y = (2 + 4) / 2 = 3, M₂ = σ(2·3 − 5).
      const params = {
        first: { image: { local: branch(1, 1, -6), global: branch(0, 0) } },
        second: { image: { local: branch(0, 0, -5), global: branch(1, 2) } },
      };
      const z = fusion.apply(params, vectors({ image: [[2]], text: [[4]] }));
      expectClose(z, [[sigmoid(1) * 2 + (1 - sigmoid(1)) * 4]]);
    });
  });

  it('starts between the modalities, element by element', () => {
    const fusion = iaff({ widths: { audio: 2, image: 2, text: 2 } });
    tf.tidy(() => {
      const input = vectors({ audio: [[1, -1]], image: [[2, 5]], text: [[3, 0]] });
      const [a, b] = fusion.apply(fusion.init(key(0)), input).dataSync();
      expect(a).toSatisfy((value: number) => value >= 1 && value <= 3);
      expect(b).toSatisfy((value: number) => value >= -1 && value <= 5);
    });
  });

  it('reports the running statistics of each norm while training, and needs two examples then', () => {
    const fusion = iaff({ widths: { image: 4, text: 4 } });
    tf.tidy(() => {
      const params = fusion.init(key(0));
      const statistics = flatten(params as Tree<tf.Tensor>).filter(([path]) =>
        path.includes('statistics'),
      );
      const input = vectors({
        image: [
          [1, 2, 3, 4],
          [0, 1, 0, 1],
        ],
        text: [
          [1, 1, 1, 1],
          [2, 0, 1, 3],
        ],
      });
      const reported: tf.Tensor[] = [];
      fusion.apply(params, input, { training: true, update: (leaf) => reported.push(leaf) });
      expect(new Set(reported)).toEqual(new Set(statistics.map(([, leaf]) => leaf)));
      expect(reported).toHaveLength(16);
      const one = vectors({ image: [[1, 2, 3, 4]], text: [[1, 1, 1, 1]] });
      expect(() => fusion.apply(params, one, { training: true })).toThrow(
        'training needs two or more values per channel',
      );
    });
  });

  it('refuses one modality, and a reduction that is not positive', () => {
    expect(() => iaff({ widths: { text: 2 } })).toThrow('at least 2 modalities');
    expect(() => iaff({ widths: { image: 2, text: 2 }, reduction: -1 })).toThrow(
      'fusion.iaff: reduction must be positive, got -1',
    );
  });
});
