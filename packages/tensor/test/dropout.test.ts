import '@tensorflow/tfjs';
import { checkGradients, expectNoLeaks } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { dropout, key } from '../src/index.js';

const training = { training: true, key: key(0) };

describe('dropout', () => {
  it('zeroes its share and scales the rest', () => {
    const y = dropout(tf.ones([200, 100]), 0.3, training).dataSync();
    const zeroed = y.filter((value) => value === 0).length / y.length;
    expect(zeroed).toBeCloseTo(0.3, 2);
    expect(y.every((value) => value === 0 || Math.abs(value - 1 / 0.7) < 1e-6)).toBe(true);
  });

  it('does nothing outside of training', () => {
    const x = tf.ones([3]);
    expect(dropout(x, 0.5)).toBe(x);
    expect(dropout(x, 0.5, { key: key(0) })).toBe(x);
    expect(dropout(x, 0, training)).toBe(x);
  });

  it('draws another mask for another name or key', () => {
    const draw = (name: string, seed: number) =>
      dropout(tf.ones([64]), 0.5, { training: true, key: key(seed) }, name)
        .dataSync()
        .join();
    expect(draw('a', 0)).toBe(draw('a', 0));
    expect(new Set([draw('a', 0), draw('b', 0), draw('a', 1)]).size).toBe(3);
  });

  it('has a gradient, and leaks nothing', () => {
    checkGradients((x) => dropout(x, 0.4, training), tf.linspace(-1, 1, 20));
    const x = tf.ones([3]);
    expectNoLeaks(() => dropout(x, 0.5, training).dispose());
  });

  it('says what is wrong', () => {
    const x = tf.ones([3]);
    expect(() => dropout(x, 0.5, { training: true })).toThrow(
      'dropout: training needs a key; pass { training: true, key }',
    );
    for (const rate of [1, -0.1, Number.NaN]) {
      expect(() => dropout(x, rate)).toThrow(`dropout: rate must be in [0, 1), got ${rate}`);
    }
  });
});
