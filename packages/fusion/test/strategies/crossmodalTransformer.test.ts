import { crossmodalTransformer } from '@chainrule/fusion';
import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { layer, silentLayer } from '../inputs.js';

describe('crossmodalTransformer', () => {
  it('agrees with a case worked by hand: silent layers leave the tokens, normalised', () => {
    const fusion = crossmodalTransformer({ widths: { image: 2, text: 2 }, layers: 1, heads: 1 });
    tf.tidy(() => {
      const silent = silentLayer(2);
      const large = layer(
        [
          [100, 0],
          [0, 100],
        ],
        [0, 0],
      );
      const cross = { layers: [{ ...silent, memoryNorm: silent.norm }], norm: silent.norm };
      const self = { layers: [silent], norm: silent.norm };
      const params = {
        tokens: { image: large, text: large },
        cross: { image: { text: cross }, text: { image: cross } },
        self: { image: self, text: self },
        // z₁ = h_image,1 and z₂ = h_text,1.
        out: layer(
          [
            [1, 0],
            [0, 0],
            [0, 1],
            [0, 0],
          ],
          [0, 0.5],
        ),
      };
      // Normalised, the places are (1, −1), (1, −1) and (−1, 1): 1/3; the real word is (−1, 1).
      const given = (rows: number[][]) => ({
        vector: tf.zeros<tf.Rank.R2>([1, 2]),
        tokens: tf.tensor3d([rows]),
      });
      const image = given([
        [3, 1],
        [5, 2],
        [1, 4],
      ]);
      const text = {
        ...given([
          [0, 3],
          [9, 0],
        ]),
        mask: tf.tensor2d([[1, 0]]),
      };
      expectClose(fusion.apply(params, { image, text }), [[1 / 3, -1 + 0.5]], { atol: 1e-4 });
    });
  });

  it('has a transformer for each ordered pair of modalities, and a wide one for each', () => {
    tf.tidy(() => {
      const widths = { audio: 4, image: 4, text: 4 };
      const { cross, self, out } = crossmodalTransformer({ widths }).init(key(0));
      const pairs = Object.entries(cross).flatMap(([target, sources]) =>
        Object.keys(sources).map((source) => `${source} → ${target}`),
      );
      expect(pairs).toEqual([
        'image → audio',
        'text → audio',
        'audio → image',
        'text → image',
        'audio → text',
        'image → text',
      ]);
      expect(self.image!.norm.scale.shape).toEqual([8]);
      expect(out.kernel.shape).toEqual([24, 4]);
    });
  });
});
