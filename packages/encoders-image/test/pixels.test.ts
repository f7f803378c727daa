import '@tensorflow/tfjs';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { cnn, imagenetPixels, type Pixels } from '../src/index.js';
import { preprocess } from '../src/pixels.js';

describe('preprocess', () => {
  const x = () => tf.tensor4d([0, 0.5, 1, 0.485, 0.456, 0.406], [1, 1, 2, 3]);

  it.each<[string, Pixels, number[]]>([
    ['none', 'none', [0, 0.5, 1, 0.485, 0.456, 0.406]],
    ['centered', 'centered', [-1, 0, 1, -0.03, -0.088, -0.188]],
    ['one mean', { mean: 0.5, std: 0.25 }, [-2, 0, 2, -0.06, -0.176, -0.376]],
    ['a mean a channel', imagenetPixels, [-0.485 / 0.229, 0.044 / 0.224, 0.594 / 0.225, 0, 0, 0]],
  ])('%s', (_name, pixels, expected) => {
    tf.tidy(() => expectClose(preprocess(x(), pixels), expected));
  });

  it('rejects lists that do not fit the channels, and deviations of 0', () => {
    expect(() => cnn({ pixels: { mean: [0.5], std: 1 } })).toThrow(
      'encoders-image.cnn: pixels.mean must be one number or 3 (one a channel), got 1',
    );
    expect(() => cnn({ pixels: { mean: 0, std: [1, 0, 1] } })).toThrow(
      'encoders-image.cnn: pixels.std must be positive, got [1, 0, 1]',
    );
  });
});
