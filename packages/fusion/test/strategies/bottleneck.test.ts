import { bottleneck } from '@chainrule/fusion';
import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { embeddings, silentLayer } from '../inputs.js';

const widths = { image: 2, text: 2 };

describe('bottleneck', () => {
  it('agrees with a case worked by hand: silent layers leave the class tokens', () => {
    const fusion = bottleneck({ widths, layers: 2, heads: 1 });
    tf.tidy(() => {
      const silent = [silentLayer(2), silentLayer(2)];
      const params = {
        ...fusion.init(key(0)),
        summaries: { image: tf.tensor2d([[1, 5]]), text: tf.tensor2d([[9, 2]]) },
        layers: { image: silent, text: silent },
        norm: { scale: tf.tensor1d([3, 4]), offset: tf.tensor1d([1, 0]) },
      };
      // Normalised they are (−1, 1) and (1, −1), scaled (−2, 4) and (4, −4).
      expectClose(fusion.apply(params, embeddings(widths, 1)), [[1, 0]], { atol: 1e-4 });
      const { image, text } = embeddings(widths, 1);
      const partial = { image: { ...image!, present: tf.tensor1d([0]) }, text: text! };
      expectClose(fusion.apply(params, partial), [[4, -4]], { atol: 1e-4 });
    });
  });

  it('lets a modality see another through the bottleneck alone, one layer later', () => {
    tf.tidy(() => {
      /** How much z depends on the image's tokens where the image's own class token is drowned. */
      const seen = (layers: number): number => {
        const fusion = bottleneck({ widths: { image: 4, text: 4 }, layers, heads: 1 });
        const { layers: each, ...params } = fusion.init(key(0));
        const given = embeddings({ image: 4, text: 4 });
        // A last layer of the image that drowns its class token in its bias: LN gives a constant.
        const silent = silentLayer(4);
        const out = { ...silent.out, bias: tf.tensor1d([1e6, 0, 0, 0]) };
        const image = [...each.image!.slice(0, -1), { ...silent, out }];
        const z = (tokens: tf.Tensor3D) =>
          fusion.apply(
            { ...params, layers: { image, text: each.text! } },
            { ...given, image: { ...given.image!, tokens } },
          );
        const { tokens } = given.image!;
        return tf.max(tf.abs(tf.sub(z(tokens!), z(tf.neg(tokens!) as tf.Tensor3D)))).dataSync()[0]!;
      };
      expect(seen(1)).toBeLessThan(1e-5);
      expect(seen(2)).toBeGreaterThan(1e-4);
    });
  });
});
