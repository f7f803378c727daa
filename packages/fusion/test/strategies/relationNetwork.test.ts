import { relationNetwork } from '@chainrule/fusion';
import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { layer } from '../inputs.js';

describe('relationNetwork', () => {
  const widths = { image: 1, text: 1 };
  const input = () => ({
    image: { vector: tf.zeros<tf.Rank.R2>([1, 1]), tokens: tf.tensor3d([[[1], [3]]]) },
    text: { vector: tf.tensor2d([[10]]) },
  });

  it('agrees with a case worked by hand', () => {
    const fusion = relationNetwork({ widths, layers: 2, coordinates: false });
    tf.tidy(() => {
      // r(2·left − 3·right + 0.1·question) of the pairs 1,1 1,3 3,1 3,3 is 0, 0, 4, 0; then 5x + 1.
      const params = { layers: [layer([[2], [-3], [0.1]], [0]), layer([[5]], [1])] };
      expectClose(fusion.apply(params, input()), [[1 + 1 + 21 + 1]]);
      const mean = relationNetwork({ widths, layers: 2, coordinates: false, pool: 'mean' });
      expectClose(mean.apply(params, input()), [[6]]);
      const both = relationNetwork({ widths, layers: 2, coordinates: false, pool: 'maxAndMean' });
      expect(both.width).toBe(2);
      expectClose(both.apply(params, input()), [[21, 6]]);
    });
  });

  it('appends coordinates: rows and columns of a square, one row otherwise', () => {
    const fusion = relationNetwork({ widths, layers: 1, width: 2 });
    tf.tidy(() => {
      // Hands through 2 + row and 2 + column of the left object.
      const kernel = tf.tensor2d([
        [0, 0],
        [1, 0],
        [0, 1],
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 0],
      ]);
      const params = { layers: [{ kernel, bias: tf.tensor1d([2, 2]) }] };
      const at = (n: number, place: number) => {
        const mask = tf.tensor2d([Array.from({ length: n }, (_, i) => (i === place ? 1 : 0))]);
        const image = { ...input().image, tokens: tf.zeros<tf.Rank.R3>([1, n, 1]), mask };
        return fusion.apply(params, { ...input(), image });
      };
      expectClose(at(9, 0), [[1, 1]]);
      expectClose(at(9, 5), [[2, 3]]);
      expectClose(at(3, 2), [[2, 3]]);
      expectClose(at(1, 0), [[2, 2]]);
    });
  });

  it('normalises what pairs tell together: in training by the batch, then by what it kept', () => {
    const fusion = relationNetwork({ widths, layers: 1, coordinates: false, norm: 'batch' });
    tf.tidy(() => {
      // Two pictures of one object, [4] and [8], and 2·left as g.
      const params = {
        layers: [layer([[2], [0], [0]], [0])],
        norm: { statistics: { mean: tf.tensor1d([10]), variance: tf.tensor1d([9]) } },
      };
      const two = {
        image: { vector: tf.zeros<tf.Rank.R2>([2, 1]), tokens: tf.tensor3d([[[4]], [[8]]]) },
        text: { vector: tf.zeros<tf.Rank.R2>([2, 1]) },
      };
      const kept = new Map<tf.Tensor, Float32Array>();
      const update = (of: tf.Tensor, to: tf.Tensor) => void kept.set(of, to.dataSync<'float32'>());
      const trained = fusion.apply(params, two, { training: true, update });
      expectClose(trained, [[-1], [1]], { rtol: 1e-4 });
      const { mean, variance } = params.norm.statistics;
      expectClose(kept.get(mean)!, [0.9 * 10 + 0.1 * 12]);
      expectClose(kept.get(variance)!, [0.9 * 9 + 0.1 * 32]);
      expectClose(fusion.apply(params, two), [[-2 / 3], [2]], { rtol: 1e-4 });
    });
    expect(() => relationNetwork({ widths, norm: 'layer' as never })).toThrow(
      'fusion.relationNetwork: norm must be batch or none, got "layer"',
    );
  });

  it('has four layers, the first over two objects and the question', () => {
    tf.tidy(() => {
      const fusion = relationNetwork({ widths: { image: 8, text: 5 }, tokenWidths: { image: 3 } });
      const shapes = fusion.init(key(0)).layers.map(({ kernel }) => kernel.shape);
      expect(shapes).toEqual([
        [2 * (3 + 2) + 5, 8],
        [8, 8],
        [8, 8],
        [8, 8],
      ]);
    });
  });

  it('refuses to pool otherwise', () => {
    expect(() => relationNetwork({ widths, pool: 'max' as 'sum' })).toThrow(
      'fusion.relationNetwork: pool must be sum, mean, maxAndMean, got "max"',
    );
  });
});
