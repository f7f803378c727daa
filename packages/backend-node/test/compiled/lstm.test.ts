import { type LstmActivation, lstmSequence } from '@chainrule/encoders-text';
import { key, normalArray, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';
import { hasOperations } from '../../src/operations.js';
import { expectTwins, outputAndGradients } from './twins.js';

beforeAll(async () => {
  await import('@tensorflow/tfjs');
  await useNative();
});

const values = (name: string, size: number, scale: number) =>
  normalArray(split(key(3), name), size).map((value) => value * scale);

/** States and gradients with the present backend, as numbers. */
function numbers(
  [time, batch, width]: readonly [number, number, number],
  masked: boolean,
  activation: LstmActivation,
) {
  const given = {
    projected: tf.tensor3d(values('x', 4 * time * batch * width, 2), [time, batch, 4 * width]),
    recurrent: tf.tensor2d(values('r', 4 * width * width, 0.2), [width, 4 * width]),
  };
  // Padding in front, in the middle and at the end.
  const mask = tf.tensor2d(
    Array.from({ length: time * batch }, (_, k) => (k % 5 === 2 || k % 7 === 0 ? 0 : 1)),
    [time, batch],
  );
  const weights = tf.tensor3d(values('w', time * batch * width, 1), [time, batch, width]);
  const run = (p: typeof given) =>
    lstmSequence(p.projected, masked ? mask : undefined, p.recurrent, activation);
  return outputAndGradients(run, given, weights);
}

describe('an LSTM as one operation', () => {
  afterEach(() => tf.setBackend('tensorflow'));

  it.each<[readonly [number, number, number], boolean, LstmActivation]>([
    [[5, 3, 16], true, 'tanh'],
    [[5, 3, 48], true, 'relu'],
    [[4, 2, 32], false, 'tanh'],
    [[1, 3, 16], true, 'tanh'],
    // More examples than a thread takes at once, of a width that fills no panel and is deeper than one.
    [[3, 87, 144], true, 'tanh'],
    [[2, 4200, 16], true, 'tanh'],
  ])('agrees with plain operations: %j, masked: %j, %s', async (shape, masked, activation) => {
    expect(hasOperations()).toBe(true);
    expect(tf.getKernel('Lstm', 'tensorflow')).toBeDefined();
    await expectTwins(
      () => numbers(shape, masked, activation),
      (largest) => 2e-6 * Math.max(1, largest),
    );
  });
});
