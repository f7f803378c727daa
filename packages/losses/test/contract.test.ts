import { losses } from '@chainrule/losses/registry';
import { key, normalArray, split } from '@chainrule/tensor';
import { expectClose, expectNoLeaks } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';

// One contract for every loss in the registry.

/** A prediction and a target that each loss takes: [batch, 4], or labels [batch]. */
function example(name: string, batch = 6): { z: tf.Tensor; y: tf.Tensor } {
  const draw = (what: string) =>
    tf.tensor2d(normalArray(split(key(2), what), batch * 4), [batch, 4]);
  const labels = () => tf.range(0, batch, 1, 'int32').mod(tf.scalar(4, 'int32'));
  return { z: draw('z'), y: name === 'crossEntropy' ? labels() : draw('y') };
}

/** What a loss calls its first argument. */
const firstArgument = (name: string) =>
  ['infoNce', 'siglip', 'triplet'].includes(name)
    ? 'image'
    : name === 'crossEntropy'
      ? 'logits'
      : 'prediction';

describe.each(losses.names)('losses.%s', (name) => {
  it.each(['mean', 'sum'] as const)('gives a scalar, reduction %s', (reduction) => {
    tf.tidy(() => {
      const { z, y } = example(name);
      const value = losses.create(name, { reduction })(z, y);
      expect(value.shape).toEqual([]);
      expect(value.dtype).toBe('float32');
    });
  });

  it.each(['mean', 'sum'])('takes no notice of padding, whose weight is 0: %s', (reduction) => {
    const loss = losses.create(name, { reduction });
    tf.tidy(() => {
      const { z, y } = example(name);
      const weight = tf.tensor1d([1, 1, 1, 1, 0, 0]);
      const [short, target] = [tf.slice(z, 0, 4), tf.slice(y, 0, 4)];
      expectClose(loss(z, y, weight), loss(short, target));
      const gradient = tf.grad((z) => loss(z, y, weight))(z);
      expectClose(tf.slice(gradient, 0, 4), tf.grad((z) => loss(z, target))(short));
      expectClose(tf.slice(gradient, 4), new Float32Array(8));
    });
  });

  it('has weights of one by default, takes a bool mask, and is 0 where all is padding', () => {
    const loss = losses.create(name);
    tf.tidy(() => {
      const { z, y } = example(name);
      expectClose(loss(z, y, tf.ones([6])), loss(z, y));
      expectClose(loss(z, y, tf.tensor1d([true, true, true, true, true, true])), loss(z, y));
      const nothing = losses.create(name, { reduction: 'mean' });
      const weight = tf.zeros<tf.Rank.R1>([6]);
      expect(nothing(z, y, weight).dataSync()[0]).toBe(0);
      expectClose(tf.grad((z) => nothing(z, y, weight))(z), new Float32Array(24));
    });
  });

  it('leaks nothing', () => {
    const { z, y } = example(name);
    const weight = tf.tensor1d([1, 1, 0, 2, 1, 0]);
    expectNoLeaks(() => {
      losses.create(name)(z, y).dispose();
      const { value, grad } = tf.valueAndGrad((z) => losses.create(name)(z, y, weight))(z);
      tf.dispose([value, grad]);
    });
    tf.dispose([z, y, weight]);
  });

  it('refuses wrong shapes, types and weights, and says where', () => {
    const loss = losses.create(name);
    const label = firstArgument(name);
    tf.tidy(() => {
      const { z, y } = example(name);
      expect(() => loss(z, tf.ones([6, 3]))).toThrow(`losses.${name}: `);
      expect(() => loss(z, y, tf.ones([5]))).toThrow(`losses.${name}: weight must be [6], got [5]`);
      expect(() => loss(tf.ones([0, 4]), tf.ones([0, 4]))).toThrow('a batch of zero examples');
      expect(() => loss(tf.scalar(1), tf.scalar(1))).toThrow(`losses.${name}: ${label} must be [`);
      expect(() => loss(tf.cast(z, 'int32'), y)).toThrow(
        `losses.${name}: ${label} must be float32, got int32; use tf.cast(${label}, 'float32')`,
      );
    });
    expect(() => losses.create(name, { reduction: 'max' })).toThrow(/losses\.\w+: "?reduction/);
  });
});

it('suggests the nearest name', () => {
  expect(() => losses.create('crossentropi')).toThrow('Did you mean "crossEntropy"?');
});
