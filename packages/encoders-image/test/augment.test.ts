import '@tensorflow/tfjs';
import { key } from '@chainrule/tensor';
import { expectNoLeaks } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { cnn, randomFlip } from '../src/index.js';

/** 64 images of one row, `[n, n + 0.25, n + 0.5]`. */
const images = () =>
  tf.tensor4d(
    Array.from({ length: 64 }, (_, n) => [[[n], [n + 0.25], [n + 0.5]]]),
    [64, 1, 3, 1],
  );
const rows = (x: tf.Tensor) => (tf.reshape(x, [64, 3]) as tf.Tensor2D).arraySync();

describe('randomFlip', () => {
  it('mirrors about half of the images, each whole', () => {
    tf.tidy(() => {
      const flipped = rows(randomFlip(images(), key(0))).filter(([first], n) => first !== n);
      expect(flipped.length).toBeGreaterThan(20);
      expect(flipped.length).toBeLessThan(44);
      for (const [a, b, c] of flipped) expect([a! - b!, b! - c!]).toEqual([0.25, 0.25]);
    });
  });

  it('is a function of the key', () => {
    tf.tidy(() => {
      const [a, again, other] = [0, 0, 1].map((seed) => rows(randomFlip(images(), key(seed))));
      expect(again).toEqual(a);
      expect(other).not.toEqual(a);
    });
  });

  it('leaks nothing', () => {
    expectNoLeaks(() => {
      const x = images();
      tf.dispose([randomFlip(x, key(0)), x]);
    });
  });
});

describe('cnn with augmentation', () => {
  const make = () =>
    cnn({
      size: [1, 3],
      channels: 1,
      blocks: [{ filters: 2 }],
      pool: 'flatten',
      augment: ['flip'],
    });

  it('flips in training alone', () => {
    tf.tidy(() => {
      const encoder = make();
      const params = encoder.init(key(0));
      const vector = (context: object) => [
        ...encoder.apply(params, images(), context).vector.dataSync(),
      ];
      const plain = vector({});
      expect(vector({ key: key(1) })).toEqual(plain);
      expect(vector({ training: true, key: key(1) })).not.toEqual(plain);
      expect(vector({ training: true, key: key(1) })).toEqual(
        vector({ training: true, key: key(1) }),
      );
    });
  });

  it('asks for a key', () => {
    tf.tidy(() => {
      const encoder = make();
      const params = encoder.init(key(0));
      expect(() => encoder.apply(params, images(), { training: true })).toThrow(
        'encoders-image.cnn: augmentation needs a key; pass { training: true, key }',
      );
    });
  });
});
