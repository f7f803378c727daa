import { isTrainable, type Params } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { merge, partition, valueAndGrad } from '../src/index.js';

describe('valueAndGrad', () => {
  it('gives the value and the gradient of every leaf, in the structure of the tree', () => {
    const tree = { w: [tf.tensor1d([1, 2])], b: tf.scalar(3) };
    const f = (p: typeof tree) => tf.mul(tf.sum(tf.square(p.w[0]!)), p.b) as tf.Scalar;
    const { value, grads } = valueAndGrad(f)(tree);
    expectTypeOf(grads).toEqualTypeOf<typeof tree>();
    expect(value.dataSync()[0]).toBe(15);
    expect([...grads.w[0]!.dataSync()]).toEqual([6, 12]);
    expect(grads.b.dataSync()[0]).toBe(5);
  });

  it('descends on a lone tensor', () => {
    const { grads } = valueAndGrad((z: tf.Tensor1D) => tf.sum(tf.square(z)) as tf.Scalar)(
      tf.tensor1d([1, -2]),
    );
    expect([...grads.dataSync()]).toEqual([2, -4]);
  });

  it('passes an auxiliary tree through and leaks nothing', () => {
    const x = tf.tensor1d([1, 2]);
    const before = tf.memory().numTensors;
    const result = valueAndGrad((z: tf.Tensor1D) => {
      const doubled = tf.mul(z, 2);
      return { value: tf.sum(doubled) as tf.Scalar, aux: { doubled, same: z } };
    })(x);
    expectTypeOf(result.aux).toHaveProperty('doubled');
    expect(tf.memory().numTensors).toBe(before + 4);
    expect([...result.aux.doubled.dataSync()]).toEqual([2, 4]);
    tf.dispose([result.value, result.grads, result.aux.doubled, result.aux.same]);
    expect(tf.memory().numTensors).toBe(before);
    expect([...x.dataSync()]).toEqual([1, 2]);

    tf.tidy(() => {
      valueAndGrad((z: tf.Tensor1D) => ({ value: tf.sum(z) as tf.Scalar, aux: { z } }))(x);
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('gives unused leaves zeros, or names them', () => {
    const tree = { used: tf.scalar(2), idle: tf.tensor1d([1, 1]) };
    const f = (p: typeof tree) => tf.square(p.used);
    expect([...valueAndGrad(f)(tree).grads.idle.dataSync()]).toEqual([0, 0]);
    expect(() => valueAndGrad(f, { unused: 'error' })(tree)).toThrow(
      'valueAndGrad: the value does not depend on "idle"',
    );
  });

  it('refuses a value that is not a scalar, and a tree without leaves', () => {
    const f = (z: tf.Tensor1D) => tf.square(z) as unknown as tf.Scalar;
    expect(() => valueAndGrad(f)(tf.tensor1d([1, 2]))).toThrow('must be a scalar, got [2]');
    expect(() => valueAndGrad(() => tf.scalar(0))({})).toThrow('has no leaves');
  });
});

describe('partition and merge', () => {
  it('splits by path and puts the same tree together again', () => {
    const mean = tf.scalar(3);
    const params: Params = {
      blocks: [{ kernel: tf.scalar(1) }, { norm: { scale: tf.scalar(2), statistics: { mean } } }],
      none: {},
    };
    const [trainable, rest] = partition(params, isTrainable);
    expect(rest).toEqual({
      blocks: [
        { kernel: {} },
        {
          norm: {
            scale: {},
            statistics: { mean },
          },
        },
      ],
      none: {},
    });
    expect(merge(trainable, rest)).toEqual(params);
    expect(merge(rest, trainable)).toEqual(params);
  });

  it('refuses parts of different trees', () => {
    const a = { x: tf.scalar(1) };
    expect(() => merge(a, a)).toThrow('merge: the parts do not fit together at "x"');
    expect(() => merge(a, { y: {} })).toThrow('at "x"');
  });
});
