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
        out: layer([[10], [1]], [0.5]),
      };
      // c = 1: 2·2 − 4 and 2·6 − 4 are 0 and 8; then 1 − 3 → 0 and 9 − 3 = 6: highest 6, mean 3.
      expectClose(fusion.apply(params, input(1)), [[63.5]]);
      // c = 0: 0 and 2; 1 − 1 = 0 and 3 − 1 = 2: highest 2, mean 1.
      expectClose(fusion.apply(params, input(0)), [[21.5]]);
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

  it('refuses what a window can not slide over', () => {
    const fusion = filmBlocks({ widths, kernel: 3 });
    tf.tidy(() => {
      expect(() => fusion.apply(fusion.init(key(0)), input(1))).toThrow(
        'a kernel of 3 wants the places of a square feature map, none missing, got 2 tokens of image; take kernel 1',
      );
    });
    expect(() => filmBlocks({ widths: { ...widths, audio: 1 }, kernel: 3 })).toThrow(
      'a kernel of 3 wants one modality beside text, got audio and image; take kernel 1',
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
