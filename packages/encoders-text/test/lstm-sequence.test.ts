import '@tensorflow/tfjs';
import { key, normalArray, split } from '@chainrule/tensor';
import {
  checkGradients,
  expectClose,
  expectNoLeaks,
  gradients,
  loadFixture,
} from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { lstmSequence } from '../src/index.js';
import { plainLstm } from './plain-lstm.js';

interface Data {
  shape: number[];
  data: number[];
}
interface Case {
  states: Data;
  last: Data;
  gradients: { [name: string]: Data };
}
const fixture = loadFixture<{ inputs: { [name: string]: Data }; tanh: Case; relu: Case }>(
  import.meta.url,
  'lstm.json',
);
const tensor = ({ shape, data }: Data) => tf.tensor(data, shape);
const normal = (name: string, shape: number[], scale = 1) => {
  const values = normalArray(split(key(1), name), tf.util.sizeFromShape(shape));
  return tf.tensor(
    values.map((value) => value * scale),
    shape,
  );
};
/** Sums of many terms lose the small ones: the tolerance is relative to the largest element. */
const tolerance = ({ data }: Data) => ({ atol: 1e-5 * Math.max(...data.map(Math.abs)) });

describe.each(['tanh', 'relu'] as const)('lstmSequence with %s', (activation) => {
  it('agrees with PyTorch on texts of different lengths, gradients included', () => {
    tf.tidy(() => {
      const { x, kernel, recurrent, bias, mask, weightLast, weightStates } = Object.fromEntries(
        Object.entries(fixture.inputs).map(([name, value]) => [name, tensor(value)]),
      ) as { [name: string]: tf.Tensor } & { mask: tf.Tensor2D };
      const run = (p: { [name: string]: tf.Tensor }) => {
        const z = tf.add(tf.dot(tf.reshape(p.x!, [20, 3]), p.kernel!), p.bias!);
        const timeFirst = tf.transpose(tf.reshape(z, [4, 5, 16]), [1, 0, 2]) as tf.Tensor3D;
        return lstmSequence(timeFirst, tf.transpose(mask), p.recurrent as tf.Tensor2D, activation);
      };
      const inputs = { x: x!, kernel: kernel!, recurrent: recurrent!, bias: bias! };
      const expected = fixture[activation];
      const states = run(inputs);
      const real = (s: tf.Tensor) => tf.mul(tf.transpose(s, [1, 0, 2]), tf.expandDims(mask, 2));
      expectClose(real(states), expected.states);
      expectClose(tf.gather(states, 4), expected.last);

      const loss = (p: typeof inputs) => {
        const out = run(p);
        return tf.add(
          tf.sum(tf.mul(tf.gather(out, 4), weightLast!)),
          tf.sum(tf.mul(real(out), weightStates!)),
        );
      };
      const found = gradients(loss, inputs);
      for (const [name, gradient] of Object.entries(expected.gradients)) {
        expectClose(found.get(name)!, gradient, tolerance(gradient));
      }
    });
  });

  const [time, batch, width] = [4, 3, 5];
  const inputs = () => ({
    projected: normal('projected', [time, batch, 4 * width]) as tf.Tensor3D,
    recurrent: normal('recurrent', [width, 4 * width], 0.5) as tf.Tensor2D,
  });
  // Padding may also stand in front and in the middle.
  const mask = () =>
    tf.tensor2d([
      [1, 0, 1],
      [1, 1, 0],
      [1, 0, 1],
      [0, 0, 1],
    ]);

  it('agrees with the automatically differentiated definition', () => {
    tf.tidy(() => {
      const given = inputs();
      const run = (f: typeof plainLstm) => (p: typeof given) =>
        f(p.projected, mask(), p.recurrent, activation);
      expectClose(run(lstmSequence)(given), run(plainLstm)(given));
      const weights = normal('weights', [time, batch, width]);
      const own = gradients(run(lstmSequence), given, weights);
      for (const [name, gradient] of gradients(run(plainLstm), given, weights)) {
        expectClose(own.get(name)!, gradient!);
      }
    });
  });

  it('agrees with finite differences', () => {
    tf.tidy(() => {
      checkGradients((p) => lstmSequence(p.projected, mask(), p.recurrent, activation), inputs());
    });
  });

  it('runs a single step, which R does not touch', () => {
    tf.tidy(() => {
      const { recurrent } = inputs();
      const projected = normal('one', [1, batch, 4 * width]) as tf.Tensor3D;
      const found = gradients(
        (p) => lstmSequence(p.projected, tf.ones([1, batch]), p.recurrent, activation),
        { projected, recurrent },
      );
      expect([...found.get('recurrent')!.dataSync()].every((g) => g === 0)).toBe(true);
    });
  });

  it('takes no mask for one of ones', () => {
    tf.tidy(() => {
      const given = inputs();
      const run = (m: tf.Tensor2D | undefined) => (p: typeof given) =>
        lstmSequence(p.projected, m, p.recurrent, activation);
      const ones: tf.Tensor2D = tf.ones([time, batch]);
      expectClose(run(undefined)(given), run(ones)(given));
      const expected = gradients(run(ones), given);
      for (const [name, gradient] of gradients(run(undefined), given)) {
        expectClose(gradient!, expected.get(name)!);
      }
    });
  });

  it('leaks nothing, with and without a gradient', () => {
    expectNoLeaks(() => {
      const given = inputs();
      const m = mask();
      const run = (p: typeof given) => lstmSequence(p.projected, m, p.recurrent, activation);
      run(given).dispose();
      for (const gradient of gradients(run, given).values()) gradient?.dispose();
      tf.dispose([given.projected, given.recurrent, m]);
    });
  });
});
