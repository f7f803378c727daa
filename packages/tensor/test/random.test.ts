import '@tensorflow/tfjs';
import { expectNoLeaks, loadFixture } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bits,
  foldIn,
  type Key,
  key,
  normalArray,
  permutation,
  seedPair,
  split,
  uniform,
  uniformArray,
} from '../src/index.js';

const { cases } = loadFixture<{ cases: { seed: [number, number]; uniform: number[] }[] }>(
  import.meta.url,
  'random.json',
);
const pair = ([a, b]: readonly [number, number]): Key => ({ base: [a, b], path: [0, 0] });

function moments(values: ArrayLike<number>) {
  const mean = Array.from(values).reduce((a, b) => a + b, 0) / values.length;
  const variance = Array.from(values).reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
  return { mean, variance };
}

function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [ma, mb] = [moments(a), moments(b)];
  const products = Array.from(a, (x, i) => (x - ma.mean) * (b[i]! - mb.mean));
  return moments(products).mean / Math.sqrt(ma.variance * mb.variance);
}

describe('uniform numbers', () => {
  it.each(cases)('are those of TensorFlow for the seed $seed', ({ seed, uniform: expected }) => {
    expect(Array.from(uniformArray(pair(seed), expected.length))).toEqual(expected);
    const tensor = uniform(pair(seed), [1, expected.length]);
    expect(Array.from(tensor.dataSync())).toEqual(expected);
    expect([tensor.shape, tensor.dtype]).toEqual([[1, expected.length], 'float32']);
  });

  it('begin alike however many are drawn', () => {
    const long = uniformArray(key(3), 101);
    for (const count of [0, 1, 2, 3, 4, 5, 100]) {
      expect(uniformArray(key(3), count)).toEqual(long.slice(0, count));
      expect(normalArray(key(3), count)).toEqual(normalArray(key(3), 101).slice(0, count));
    }
  });

  it('lie in [0, 1) and are spread evenly', () => {
    const values = uniformArray(key(1), 1e5);
    expect(values.every((x) => x >= 0 && x < 1)).toBe(true);
    const bins = new Array<number>(20).fill(0);
    for (const x of values) bins[Math.floor(x * 20)]!++;
    const chiSquare = bins.reduce((sum, n) => sum + (n - 5000) ** 2 / 5000, 0);
    expect(chiSquare).toBeLessThan(43.8); // 99.9 % of 19 degrees of freedom
  });

  it('are drawn in the graph of a backend that has the kernel', () => {
    const backendName = tf.getBackend();
    const seeds: number[][] = [];
    tf.registerKernel({
      kernelName: 'StatelessRandomUniform',
      backendName,
      kernelFunc: ({ inputs, attrs }) => {
        const [a, b] = (inputs.seed as tf.Tensor).dataSync();
        seeds.push([a!, b!]);
        const { shape } = attrs as unknown as { shape: number[] };
        return tf.tensor(uniformArray(pair([a!, b!]), tf.util.sizeFromShape(shape)), shape);
      },
    });
    try {
      const drawn = split(key(5), 'dropout');
      expect(Array.from(uniform(drawn, [3]).dataSync())).toEqual(
        Array.from(uniformArray(drawn, 3)),
      );
      // While a step is recorded the base is a tensor.
      const traced = { ...drawn, traced: tf.tensor1d([...drawn.base], 'int32') };
      expect(Array.from(uniform(traced, [3]).dataSync())).toEqual(
        Array.from(uniformArray(drawn, 3)),
      );
      expect(seeds).toEqual([[...seedPair(drawn)], [...seedPair(drawn)]]);
      expectNoLeaks(() => uniform(traced, [2]).dispose());
    } finally {
      tf.unregisterKernel('StatelessRandomUniform', backendName);
    }
    const traced = { ...key(0), traced: tf.tensor1d([0, 0], 'int32') };
    expect(() => uniform(traced, [1])).toThrow('can not record random numbers');
    expect(() => foldIn(traced, 1)).toThrow('foldIn: a step that is being recorded');
  });
});

describe('normal numbers', () => {
  it('have mean 0, variance 1 and the tails of the normal distribution', () => {
    const values = normalArray(key(2), 2e5);
    const { mean, variance } = moments(values);
    expect(Math.abs(mean)).toBeLessThan(0.01);
    expect(Math.abs(variance - 1)).toBeLessThan(0.015);
    const share = (limit: number) => values.filter((x) => Math.abs(x) > limit).length / 2e5;
    expect(share(1)).toBeCloseTo(0.3173, 2);
    expect(share(2)).toBeCloseTo(0.0455, 2);
    expect(share(3)).toBeCloseTo(0.0027, 3);
    expect(values.every(Number.isFinite)).toBe(true);
    // Two of a pair come from the same uniforms.
    const even = values.filter((_, i) => i % 2 === 0);
    const odd = values.filter((_, i) => i % 2 === 1);
    expect(Math.abs(correlation(even, odd))).toBeLessThan(0.012);
  });
});

describe('permutation', () => {
  it('has each number once', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(), (n, seed) => {
        const order = permutation(key(seed), n);
        expect(Array.from(order).sort((a, b) => a - b)).toEqual(
          Array.from({ length: n }, (_, i) => i),
        );
      }),
    );
  });

  it('puts each number at each place equally often', () => {
    const counts = Array.from({ length: 5 }, () => new Array<number>(5).fill(0));
    for (let seed = 0; seed < 5000; seed++) {
      permutation(key(seed), 5).forEach((value, place) => {
        counts[place]![value]!++;
      });
    }
    const chiSquare = counts.flat().reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(39.3); // 99.9 % of 16 degrees of freedom
  });
});

describe('keys', () => {
  it('of different names and numbers are independent', () => {
    const root = key(0);
    const children = [
      root,
      split(root, 'a'),
      split(root, 'b'),
      split(root, 0),
      split(root, 1),
      split(root, '0'),
      split(split(root, 'a'), 'b'),
      split(split(root, 'b'), 'a'),
      foldIn(root, 0),
      foldIn(root, 1),
      key(1),
      key(2 ** 32),
    ];
    const streams = children.map((child) => uniformArray(child, 4000));
    streams.forEach((a, i) => {
      for (const b of streams.slice(0, i)) {
        expect(a.some((x, n) => x === b[n]! && n < 3)).toBe(false);
        expect(Math.abs(correlation(a, b))).toBeLessThan(0.065);
      }
    });
  });

  it('split and fold the same way every time', () => {
    expect(split(key(7), 'kernel')).toEqual(split(key(7), 'kernel'));
    expect(foldIn(split(key(7), 'kernel'), 3)).toEqual(foldIn(split(key(7), 'kernel'), 3));
    // A split changes only the path, so that a recorded step has it as a constant.
    expect(split(key(7), 'kernel').base).toEqual(key(7).base);
    expect(split(key(8), 'kernel').path).toEqual(split(key(7), 'kernel').path);
  });

  it('keep every bit of the seed', () => {
    const seeds = [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
    expect(new Set(seeds.map((seed) => bits(key(seed), 2).join())).size).toBe(seeds.length);
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53])('refuse the seed %s', (seed) => {
    expect(() => key(seed)).toThrow(`key: the seed must be a non-negative integer, got ${seed}`);
  });
});
