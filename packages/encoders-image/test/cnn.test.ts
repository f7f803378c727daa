import '@tensorflow/tfjs';
import { countParams, key } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { article, cnn, small } from '../src/index.js';
import { imageEncoders } from '../src/registry.js';

describe('cnn', () => {
  it('rejects pixels of another shape', () => {
    const encoder = small();
    expect(() => encoder.apply(encoder.init(key(0)), tf.zeros([2, 32, 32, 3]))).toThrow(
      'encoders-image.cnn: pixels must be [batch, 64, 64, 3], got [2, 32, 32, 3]',
    );
  });

  it('has the article’s number of parameters', () => {
    const params = article().init(key(0));
    expect(countParams(params)).toBe(32 * 28 + (62 * 62 * 32 + 1) * 128);
    tf.dispose(params as tf.TensorContainer as never);
  });

  it('gives a vector and the positions of the last map', () => {
    const encoder = cnn({ size: [16, 8], blocks: [{ filters: 4, pool: 2 }], width: 6 });
    const { vector, tokens } = encoder.apply(encoder.init(key(0)), tf.zeros([2, 16, 8, 3]));
    expect(vector.shape).toEqual([2, 6]);
    expect(tokens?.shape).toEqual([2, 32, 4]);
    expect(imageEncoders.fromConfig(encoder.config).config).toEqual(encoder.config);
  });
});
