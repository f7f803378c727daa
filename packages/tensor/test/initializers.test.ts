import '@tensorflow/tfjs';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import {
  fans,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  key,
  ones,
  orthogonal,
  truncatedNormal,
  uniformInit,
  zeros,
} from '../src/index.js';

function measure(initializer: Initializer, shape: number[]) {
  const values = Array.from(initializer(key(4), shape).dataSync());
  const mean = values.reduce((a: number, b: number) => a + b, 0) / values.length;
  const deviation = Math.sqrt(
    values.reduce((a: number, b: number) => a + (b - mean) ** 2, 0) / values.length,
  );
  return {
    mean,
    deviation,
    largest: values.reduce((a: number, b: number) => Math.max(a, Math.abs(b)), 0),
  };
}

describe('initializers', () => {
  it('count the fans of dense and convolution kernels', () => {
    expect(fans([20, 30])).toEqual({ fanIn: 20, fanOut: 30 });
    expect(fans([3, 3, 16, 32])).toEqual({ fanIn: 144, fanOut: 288 });
    expect(() => fans([3])).toThrow('initializer: needs a kernel of rank 2 or more, got [3]');
  });

  const dense = [200, 300];
  const conv = [3, 3, 40, 60];
  const scaled: [
    name: string,
    initializer: Initializer,
    shape: number[],
    deviation: number,
    limit: number,
  ][] = [
    ['glorotUniform', glorotUniform, dense, Math.sqrt(2 / 500), Math.sqrt(6 / 500)],
    ['glorotUniform', glorotUniform, conv, Math.sqrt(2 / 900), Math.sqrt(6 / 900)],
    ['glorotNormal', glorotNormal, dense, Math.sqrt(2 / 500), Infinity],
    ['heUniform', heUniform, dense, Math.sqrt(2 / 200), Math.sqrt(6 / 200)],
    ['heNormal', heNormal, conv, Math.sqrt(2 / 360), Infinity],
    ['uniformInit', uniformInit(0.3), [60000], 0.3 / Math.sqrt(3), 0.3],
    // A normal distribution cut at two deviations has 0.8796 of its deviation.
    ['truncatedNormal', truncatedNormal(0.5), dense, 0.5 * 0.87962566, 1],
  ];
  it.each(scaled)(
    '%s has its mean, deviation and limit (%#)',
    (_name, initializer, shape, deviation, limit) => {
      const measured = measure(initializer, shape);
      expect(Math.abs(measured.mean)).toBeLessThan(0.02 * deviation);
      expect(measured.deviation / deviation).toBeGreaterThan(0.985);
      expect(measured.deviation / deviation).toBeLessThan(1.015);
      expect(measured.largest).toBeLessThanOrEqual(limit * (1 + 1e-6));
      if (limit < Infinity) expect(measured.largest).toBeGreaterThan(limit * 0.99);
    },
  );

  it('zeros and ones', () => {
    expectClose(zeros(key(0), [2, 3]), [0, 0, 0, 0, 0, 0]);
    expectClose(ones(key(0), [2]), [1, 1]);
  });

  it.each([[[5, 5]], [[7, 3]], [[3, 7]], [[3, 3, 4, 8]], [[64, 256]]])('orthogonal %j', (shape) => {
    const columns = shape.at(-1)!;
    const matrix = tf.reshape(orthogonal()(key(1), shape), [-1, columns]);
    const tall = matrix.shape[0]! >= columns;
    const product = tf.matMul(matrix, matrix, tall, !tall);
    expectClose(product, tf.eye(product.shape[0]!), { atol: 1e-6, rtol: 0 });
    expectClose(orthogonal(2)(key(1), shape), tf.mul(orthogonal()(key(1), shape), 2));
  });

  it('orthogonal matrices are uniform: an entry has mean 0 and variance 1/n', () => {
    const entries = Array.from({ length: 3000 }, (_, i) =>
      tf.tidy(() => orthogonal()(key(i), [3, 3]).dataSync()[i % 9]!),
    );
    const mean = entries.reduce((a, b) => a + b, 0) / entries.length;
    const square = entries.reduce((a, b) => a + b * b, 0) / entries.length;
    expect(Math.abs(mean)).toBeLessThan(0.04);
    expect(square).toBeCloseTo(1 / 3, 1);
  });

  it('orthogonal [256, 1024] takes less than a second', () => {
    const start = performance.now();
    const matrix = orthogonal()(key(0), [256, 1024]);
    expect(performance.now() - start).toBeLessThan(1000);
    matrix.dispose();
  });
});
