import '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { checkSameShape, checkShape, type Dimension } from '../src/index.js';

const check = (shape: number[], expected: Dimension[]) => () =>
  checkShape('fusion.gated', 'image', { shape }, expected);

describe('checkShape', () => {
  it('passes what fits', () => {
    check([32, 512], ['batch', 512])();
    check([4, 8, 8], ['batch', 'size', 'size'])();
    check([], [])();
    checkShape('here', 'x', tf.ones([2, 3]), [2, 3]);
  });

  const wrong: [shape: number[], expected: Dimension[], message: string][] = [
    [[32, 768], ['batch', 512], 'fusion.gated: image must be [batch, 512], got [32, 768]'],
    [[32], ['batch', 512], 'fusion.gated: image must be [batch, 512], got [32]'],
    [[4, 8, 9], ['batch', 'size', 'size'], 'must be [batch, size, size], got [4, 8, 9]'],
    [[], ['batch'], 'must be [batch], got []'],
  ];
  it.each(wrong)('refuses %j for %j', (shape, expected, message) => {
    expect(check(shape, expected)).toThrow(message);
    expect(check(shape, expected)).toThrow(expect.objectContaining({ code: 'SHAPE' }));
  });

  it('refuses an empty batch', () => {
    expect(check([0, 512], ['batch', 512])).toThrow(
      'fusion.gated: image has a batch of zero examples; give at least one',
    );
    expect(check([0, 512], ['batch', 512])).toThrow(
      expect.objectContaining({ code: 'EMPTY_BATCH' }),
    );
  });
});

describe('checkSameShape', () => {
  it('compares', () => {
    const names = ['prediction', 'target'] as const;
    checkSameShape('losses.mse', names, { shape: [2, 3] }, { shape: [2, 3] });
    expect(() => checkSameShape('losses.mse', names, { shape: [2, 3] }, { shape: [2, 4] })).toThrow(
      'losses.mse: prediction [2, 3] and target [2, 4] must have the same shape',
    );
    expect(() => checkSameShape('losses.mse', names, { shape: [2] }, { shape: [2, 1] })).toThrow(
      'must have the same shape',
    );
    expect(() => checkSameShape('losses.mse', names, { shape: [0, 3] }, { shape: [0, 3] })).toThrow(
      'losses.mse: prediction has a batch of zero examples',
    );
  });
});
