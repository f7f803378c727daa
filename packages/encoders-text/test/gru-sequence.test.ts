import '@tensorflow/tfjs';
import { key, normalArray, split } from '@chainrule/tensor';
import { checkGradients, expectClose, expectNoLeaks, gradients } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { biLstm, cnn1d, gru, gruSequence } from '../src/index.js';

const [time, batch, width] = [4, 3, 5];
const normal = (name: string, shape: number[]) =>
  tf.tensor(normalArray(split(key(1), name), tf.util.sizeFromShape(shape)), shape);
const inputs = () =>
  tf.tidy(() => ({
    projected: normal('projected', [time, batch, 3 * width]) as tf.Tensor3D,
    recurrent: tf.mul(normal('recurrent', [width, 3 * width]), 0.5) as tf.Tensor2D,
    bias: normal('bias', [width]) as tf.Tensor1D,
  }));
type Inputs = ReturnType<typeof inputs>;
// Padding may also stand in front and in the middle.
const mask = () =>
  tf.tensor2d([
    [1, 0, 1],
    [1, 1, 0],
    [1, 0, 1],
    [0, 0, 1],
  ]);
const run = (p: Inputs) => gruSequence(p.projected, mask(), p.recurrent, p.bias);

/** The definition, differentiated automatically. */
function plain({ projected, recurrent, bias }: Inputs): tf.Tensor3D {
  let h: tf.Tensor2D = tf.zeros([batch, width]);
  const keep = tf.unstack(tf.expandDims(mask(), 2));
  const states = tf.unstack(projected).map((x, t) => {
    const [xr, xz, xn] = tf.split(x, 3, 1) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const [hr, hz, hn] = tf.split(tf.matMul(h, recurrent), 3, 1) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    const z = tf.sigmoid(tf.add(xz, hz));
    const n = tf.tanh(tf.add(xn, tf.mul(tf.sigmoid(tf.add(xr, hr)), tf.add(hn, bias))));
    const next = tf.add(tf.mul(tf.sub(1, z), n), tf.mul(z, h));
    h = tf.add(tf.mul(keep[t]!, next), tf.mul(tf.sub(1, keep[t]!), h));
    return h;
  });
  return tf.stack(states) as tf.Tensor3D;
}

describe('gruSequence', () => {
  it('agrees with the automatically differentiated definition', () => {
    tf.tidy(() => {
      const given = inputs();
      expectClose(run(given), plain(given));
      const weights = normal('weights', [time, batch, width]);
      const own = gradients(run, given, weights);
      for (const [name, gradient] of gradients(plain, given, weights)) {
        expectClose(own.get(name)!, gradient!, { atol: 1e-5 });
      }
    });
  });

  it('agrees with finite differences', () => {
    tf.tidy(() => checkGradients(run, inputs()));
  });

  it('runs a single step, which R does not touch', () => {
    tf.tidy(() => {
      const { recurrent, bias } = inputs();
      const projected = normal('one', [1, batch, 3 * width]) as tf.Tensor3D;
      const found = gradients(
        (p: Inputs) => gruSequence(p.projected, tf.ones([1, batch]), p.recurrent, p.bias),
        { projected, recurrent, bias },
      );
      expect([...found.get('recurrent')!.dataSync()].every((g) => g === 0)).toBe(true);
      expect([...found.get('bias')!.dataSync()].some((g) => g !== 0)).toBe(true);
    });
  });

  it('leaks nothing', () => {
    expectNoLeaks(() => {
      const given = inputs();
      const keep = mask();
      tf.tidy(() => gruSequence(given.projected, keep, given.recurrent, given.bias)).dispose();
      tf.dispose([keep, ...Object.values(given)]);
    });
  });
});

describe('options out of range', () => {
  it.each<[string, () => unknown, string]>([
    ['gru', () => gru({ vocabulary: 3, width: 0 }), 'encoders-text.gru: width must be a positive'],
    ['biLstm', () => biLstm({ vocabulary: 3, width: 5 }), 'width must be even, half for each'],
    ['cnn1d', () => cnn1d({ vocabulary: 3, windows: [] }), 'windows must name at least one width'],
    ['cnn1d', () => cnn1d({ vocabulary: 3, windows: [0] }), 'each of windows must be a positive'],
  ])('are errors of %s', (_name, make, message) => {
    expect(make).toThrow(message);
  });
});

describe('cnn1d', () => {
  it('shares the gradient of a phrase that occurs twice', () => {
    tf.tidy(() => {
      const encoder = cnn1d({ vocabulary: 4, embedding: 1, windows: [1], filters: 1 });
      const params = {
        embedding: tf.tensor2d([[0], [0], [1], [2]]),
        convolutions: [{ kernel: tf.tensor2d([[1]]), bias: tf.tensor1d([0]) }],
      };
      const ids = tf.tensor2d([[3, 2, 3]], [1, 3], 'int32');
      const found = gradients((p: typeof params) => encoder.apply(p, ids).vector, params);
      expectClose(found.get('embedding')!, [[0], [0], [0], [1]]);
    });
  });
});
