import { earlyTransformer } from '@chainrule/fusion';
import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { embeddings, layer, silentLayer } from '../inputs.js';

describe('earlyTransformer', () => {
  it('agrees with a case worked by hand: the class token gathers the mean of all tokens', () => {
    const fusion = earlyTransformer({ widths: { image: 2, text: 2 }, layers: 1, heads: 1 });
    tf.tidy(() => {
      // Equal logits; values are (n, 0) for a normalised token (n, −n), so the mean counts signs.
      const silent = silentLayer(2);
      const value = layer(
        [
          [1, 0],
          [0, 0],
        ],
        [0, 0],
      );
      const identity = layer(
        [
          [1, 0],
          [0, 1],
        ],
        [0, 0],
      );
      const attention = { ...silent.attention, value, out: identity };
      const tokens = {
        image: layer(
          [
            [100, 0],
            [0, 100],
          ],
          [0, 0],
        ),
        text: layer(
          [
            [100, 0],
            [0, 100],
          ],
          [0, 0],
        ),
      };
      const params = {
        summary: tf.tensor2d([[0, 3]]),
        tokens,
        transformer: { layers: [{ ...silent, attention }], norm: silent.norm },
      };
      // Four tokens, normalised: class (−1, 1), places (1, −1) and (1, −1), word (1, −1). The class
      // token becomes (0 + (−1 + 1 + 1 + 1)/4, 3) = (0.5, 3), normalised (−1, 1).
      const given = (rows: number[][]) => ({
        vector: tf.zeros<tf.Rank.R2>([1, 2]),
        tokens: tf.tensor3d([rows]),
      });
      const image = given([
        [2, 0],
        [1, -1],
      ]);
      const z = fusion.apply(params, { image, text: given([[5, 1]]) });
      expectClose(z, [[-1, 1]], { atol: 1e-4 });
      // Without the norm's scale one sees the mean itself: scale 0 and offset 7 show that it is last.
      const norm = { scale: tf.zeros<tf.Rank.R1>([2]), offset: tf.tensor1d([7, 8]) };
      const flat = { ...params, transformer: { ...params.transformer, norm } };
      expectClose(fusion.apply(flat, { image, text: given([[5, 1]]) }), [[7, 8]]);
    });
  });

  it('sees the order of the tokens', () => {
    tf.tidy(() => {
      const fusion = earlyTransformer({ widths: { image: 4, text: 4 } });
      const params = fusion.init(key(0));
      const { image, text } = embeddings({ image: 4, text: 4 });
      const tokens = tf.reverse(image!.tokens!, 1);
      const turned = { image: { vector: image!.vector, tokens }, text: text! };
      const given = { image: { vector: image!.vector, tokens: image!.tokens! }, text: text! };
      const difference = tf.sub(fusion.apply(params, turned), fusion.apply(params, given));
      expect(tf.max(tf.abs(difference)).dataSync()[0]).toBeGreaterThan(1e-3);
    });
  });
});
