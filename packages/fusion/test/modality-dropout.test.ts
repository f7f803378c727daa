import { max, mean, modalityDropout, product } from '@chainrule/fusion';
import { fusion } from '@chainrule/fusion/registry';
import { type Embeddings, key, type Params, split } from '@chainrule/tensor';
import { expectClose, moduleContract } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { embeddings } from './inputs.js';

const widths = { audio: 4, image: 4, text: 4 };
const training = { training: true, key: key(9) };

/** Hands back which modalities the strategy sees, `[batch, 3]`. */
const seen = {
  config: { type: 'seen' },
  width: 3,
  acceptsMissing: true as const,
  init: () => ({}),
  apply: (_: Params, { audio, image, text }: Embeddings) =>
    tf.stack([audio!.present!, image!.present!, text!.present!], 1) as tf.Tensor2D,
};

for (const strategy of [mean, product]) {
  const make = () => modalityDropout(strategy({ widths, width: 5 }), { rate: 0.4 });
  moduleContract(`modalityDropout around ${make().config.fusion.type}`, make, {
    input: () => embeddings(widths, 16),
    outputShape: [16, 5],
    fromConfig: (config) => fusion.fromConfig(config) as ReturnType<typeof make>,
    orderMatters: false,
  });
}

describe('modalityDropout', () => {
  it('drops each modality at the rate, less where all were dropped, and never all', () => {
    tf.tidy(() => {
      const n = 4000;
      const dropped = modalityDropout(seen, { rate: 0.5 });
      const kept = dropped.apply({ fusion: {} }, embeddings(widths, n), training);
      const each = kept.arraySync();
      expect(each.flat().every((k) => k === 0 || k === 1)).toBe(true);
      expect(Math.min(...each.map((row) => row.reduce((a, b) => a + b)))).toBe(1);
      // Kept with probability 1/2, or when all three draws fall below 1/2 and it is the highest.
      expectClose(tf.mean(kept, 0), [13 / 24, 13 / 24, 13 / 24], { atol: 0.03 });
    });
  });

  it('never takes away the last one that is present, nor gives what is absent', () => {
    tf.tidy(() => {
      const present = tf.tensor1d([0, 1]);
      const all = embeddings(widths, 2);
      const input = {
        audio: { ...all.audio!, present: tf.tensor1d([0, 0]) },
        image: { ...all.image!, present },
        text: { ...all.text!, present: tf.sub(1, present) as tf.Tensor1D },
      };
      for (let seed = 0; seed < 20; seed++) {
        const context = { training: true, key: key(seed) };
        const kept = modalityDropout(seen, { rate: 0.9 }).apply({ fusion: {} }, input, context);
        expectClose(kept, [
          [0, 0, 1],
          [0, 1, 0],
        ]);
      }
    });
  });

  it('does nothing outside of training', () => {
    tf.tidy(() => {
      const inner = max({ widths });
      const input = embeddings(widths);
      expectClose(
        modalityDropout(inner, { rate: 0.9 }).apply({ fusion: {} }, input),
        inner.apply({}, input),
      );
    });
  });

  it('lets any strategy take present masks: what is absent counts as zero', () => {
    tf.tidy(() => {
      const inner = product({ widths, width: 2 });
      const params = inner.init(key(0));
      const all = embeddings(widths, 2);
      const nothing = { vector: tf.mul(all.text!.vector, tf.tensor2d([[1], [0]])) as tf.Tensor2D };
      const partial = { ...all, text: { ...all.text!, present: tf.tensor1d([1, 0]) } };
      expectClose(
        modalityDropout(inner).apply({ fusion: params }, partial),
        inner.apply(params, { ...all, text: nothing }),
      );
    });
  });

  it('draws anew for each key', () => {
    tf.tidy(() => {
      const dropped = modalityDropout(seen, { rate: 0.5 });
      const draw = (n: number) =>
        dropped.apply({ fusion: {} }, embeddings(widths, 64), {
          training: true,
          key: split(key(0), n),
        });
      expect(draw(1).dataSync()).not.toEqual(draw(2).dataSync());
    });
  });

  it('refuses a bad rate, and training without a key', () => {
    expect(() => modalityDropout(mean({ widths }), { rate: 1 })).toThrow(
      'fusion.modalityDropout: rate must be in [0, 1), got 1',
    );
    tf.tidy(() => {
      const input = embeddings(widths);
      const dropped = modalityDropout(mean({ widths }));
      expect(() => dropped.apply({ fusion: {} }, input, { training: true })).toThrow(
        'fusion.modalityDropout: training needs a key',
      );
    });
  });
});
