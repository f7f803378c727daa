import { key, split, uniform, uniformArray } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';

beforeAll(async () => {
  await useNative();
});

describe('StatelessRandomUniform', () => {
  it.each([
    [key(0), [1]],
    [key(42), [3, 5]],
    [split(key(2 ** 40 + 7), 'dropout'), [1001]],
    [split(split(key(2 ** 31), 'a'), 3), [64, 33]],
  ])('draws the numbers of JavaScript, bit for bit (case %#)', (source, shape) => {
    const native = uniform(source, shape as [number]);
    expect(native.shape).toEqual(shape);
    expect([...native.dataSync()]).toEqual([...uniformArray(source, native.size)]);
    native.dispose();
  });
});

describe('GatherV2', () => {
  const x = () =>
    tf.tensor2d([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);

  it('gathers along an axis', () => {
    expect(tf.gather(x(), tf.tensor1d([2, 0, 2], 'int32')).arraySync()).toEqual([
      [5, 6],
      [1, 2],
      [5, 6],
    ]);
    expect(tf.gather(x(), tf.tensor1d([1], 'int32'), 1).arraySync()).toEqual([[2], [4], [6]]);
  });

  it('refuses indices that are out of range', () => {
    expect(() => tf.gather(x(), tf.tensor1d([3], 'int32')).dataSync()).toThrow(
      /indices\[0\] = 3 is not in \[0, 3\)/,
    );
  });
});
