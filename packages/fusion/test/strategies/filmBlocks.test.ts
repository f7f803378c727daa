import { filmBlocks } from '@chainrule/fusion';
import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { layer } from '../inputs.js';

describe('filmBlocks', () => {
  const widths = { image: 1, text: 1 };
  const input = (asked: number) => ({
    image: { vector: tf.zeros<tf.Rank.R2>([1, 1]), tokens: tf.tensor3d([[[1], [3]]]) },
    text: { vector: tf.tensor2d([[asked]]) },
  });

  it('agrees with a case worked by hand', () => {
    const fusion = filmBlocks({ widths, blocks: 2, coordinates: false });
    tf.tidy(() => {
      const params = {
        projections: { image: layer([[2]], [0]) },
        convolutions: [layer([[1]], [1])],
        films: [
          // γ = 1 + c, β = −4.
          layer([[1, 0]], [0, -4]),
          // γ = 1, β = c − highest + mean.
          layer(
            [
              [0, 1],
              [0, -1],
              [0, 1],
            ],
            [0, 0],
          ),
        ],
        norms: [{}, {}],
        out: layer([[10], [1]], [0.5]),
      };
      // c = 1: 2·2 − 4 and 2·6 − 4 are 0 and 8; then 1 − 3 → 0 and 9 − 3 = 6: highest 6, mean 3.
      expectClose(fusion.apply(params, input(1)), [[63.5]]);
      // c = 0: 0 and 2; 1 − 1 = 0 and 3 − 1 = 2: highest 2, mean 1.
      expectClose(fusion.apply(params, input(0)), [[21.5]]);
      // With what the second block is given, 0 and 8: 0 and 14, highest 14, mean 7.
      const residual = filmBlocks({ widths, blocks: 2, coordinates: false, residual: true });
      expectClose(residual.apply(params, input(1)), [[147.5]]);
    });
  });

  it('has one projection a modality, and feedback from the second block on', () => {
    tf.tidy(() => {
      const fusion = filmBlocks({
        ...{ widths: { audio: 2, image: 8, text: 5 }, tokenWidths: { image: 3 } },
        ...{ width: 6, hidden: 4 },
      });
      const { projections, convolutions, films, out } = fusion.init(key(0));
      expect(projections.audio!.kernel.shape).toEqual([2 + 2, 4]);
      expect(projections.image!.kernel.shape).toEqual([3 + 2, 4]);
      expect(convolutions.map(({ kernel }) => kernel.shape)).toEqual([
        [4, 4],
        [4, 4],
      ]);
      expect(films.map(({ kernel }) => kernel.shape)).toEqual([
        [5, 8],
        [13, 8],
        [13, 8],
      ]);
      expect(out.kernel.shape).toEqual([8, 6]);
    });
  });

  it('normalises what is modulated: in training by the batch itself, then by what it kept', () => {
    const fusion = filmBlocks({ widths, blocks: 1, coordinates: false, norm: 'batch' });
    tf.tidy(() => {
      const params = {
        projections: { image: layer([[2]], [0]) },
        convolutions: [],
        films: [layer([[0, 0]], [2, 1])],
        norms: [{ statistics: { mean: tf.tensor1d([2]), variance: tf.tensor1d([4]) } }],
        out: layer([[1], [10]], [0]),
      };
      const kept = new Map<tf.Tensor, Float32Array>();
      const update = (of: tf.Tensor, to: tf.Tensor) => void kept.set(of, to.dataSync<'float32'>());
      // 2 and 6 become −1 and 1; three times that plus 1 are 0 and 4: highest 4, mean 2.
      const trained = fusion.apply(params, input(0), { training: true, update });
      expectClose(trained, [[24]], { rtol: 1e-4 });
      const { mean, variance } = params.norms[0]!.statistics;
      expectClose(kept.get(mean)!, [0.9 * 2 + 0.1 * 4]);
      expectClose(kept.get(variance)!, [0.9 * 4 + 0.1 * 8]);
      // (2 − 2) / 2 and (6 − 2) / 2 are 0 and 2; then 1 and 7: highest 7, mean 4.
      expectClose(fusion.apply(params, input(0)), [[47]], { rtol: 1e-4 });
    });
    expect(() => filmBlocks({ widths, norm: 'layer' as never })).toThrow(
      'fusion.filmBlocks: norm must be batch or none, got "layer"',
    );
  });

  it('refuses blocks and conditions that are none', () => {
    expect(() => filmBlocks({ widths, blocks: 0 })).toThrow(
      'fusion.filmBlocks: blocks must be a positive integer, got 0',
    );
    expect(() => filmBlocks({ widths, condition: 'audio' })).toThrow(
      'fusion.filmBlocks: condition must be one of image, text, got "audio"',
    );
  });
});
