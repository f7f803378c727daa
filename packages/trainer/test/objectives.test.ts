import '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { classification, matching, type Objective, regression } from '../src/index.js';
import { objectives } from '../src/registry.js';
import { failure } from './support.js';

beforeAll(() => tf.setBackend('cpu'));

function values(objective: Objective, ...args: Parameters<Objective['measure']>) {
  const before = tf.memory().numTensors;
  const measured = objective.measure(...args);
  const numbers = Object.entries(measured).map(([name, value]) => [name, value.arraySync()]);
  tf.dispose(measured as never);
  expect(tf.memory().numTensors).toBe(before);
  return Object.fromEntries(numbers) as { [name: string]: number };
}

/** −ln softmax(logits)ᵢ, in double precision. */
const surprise = (logits: number[], label: number) =>
  Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0)) - logits[label]!;
const mean = (numbers: number[]) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;

describe('classification', () => {
  const logits = [
    [2, 1, -1],
    [0, 3, 0.5],
    [1, 1.5, 1],
  ];
  const z = tf.tensor2d(logits);
  const y = tf.tensor1d([0, 2, 1], 'int32');
  const losses = [surprise(logits[0]!, 0), surprise(logits[1]!, 2), surprise(logits[2]!, 1)];

  it('reports cross-entropy and accuracy', () => {
    const { loss, accuracy } = values(classification(), z, y);
    expect(loss).toBeCloseTo(mean(losses), 6);
    expect(accuracy).toBeCloseTo(2 / 3, 6);
  });

  it('does not count padding', () => {
    const { loss, accuracy } = values(classification(), z, y, tf.tensor1d([1, 1, 0]));
    expect(loss).toBeCloseTo(mean(losses.slice(0, 2)), 6);
    expect(accuracy).toBeCloseTo(1 / 2, 6);
  });

  it('is 0, not 0 / 0, on a batch of nothing but padding', () => {
    expect(values(classification(), z, y, tf.zeros([3]))).toEqual({ loss: 0, accuracy: 0 });
  });

  it('smooths labels', () => {
    const smooth = logits.map(
      (row, i) => mean([0, 1, 2].map((k) => surprise(row, k))) * 0.3 + losses[i]! * 0.7,
    );
    const { loss } = values(classification({ labelSmoothing: 0.3 }), z, y);
    expect(loss).toBeCloseTo(mean(smooth), 6);
  });
});

describe('regression', () => {
  const z = tf.tensor2d([[1], [4], [-2]]);
  const y = tf.tensor1d([1.5, 1, -2]);

  it('reports loss and mean absolute error', () => {
    const { loss, meanAbsoluteError } = values(regression(), z, y);
    expect(loss).toBeCloseTo((0.25 + 9 + 0) / 3, 6);
    expect(meanAbsoluteError).toBeCloseTo((0.5 + 3 + 0) / 3, 6);
  });

  it('has other losses', () => {
    const huber = values(regression({ loss: 'huber', delta: 2 }), z, y).loss;
    expect(huber).toBeCloseTo((0.5 * 0.25 + 2 * (3 - 1) + 0) / 3, 6);
    expect(values(regression({ loss: 'meanAbsoluteError' }), z, y).loss).toBeCloseTo(3.5 / 3, 6);
  });

  it('does not count padding, and takes several numbers an example', () => {
    const weight = tf.tensor1d([0, 1]);
    const two = [
      tf.tensor2d([
        [9, 9],
        [1, 2],
      ]),
      tf.tensor2d([
        [0, 0],
        [2, 4],
      ]),
    ] as const;
    const measured = values(regression(), ...two, weight);
    expect(measured.loss).toBeCloseTo((1 + 4) / 2, 6);
    expect(measured.meanAbsoluteError).toBeCloseTo(1.5, 6);
  });

  it('says what is wrong', async () => {
    const wide = await failure(() => regression().measure(tf.zeros([3, 2]), y));
    expect(wide.message).toBe(
      "trainer.regression: the head gives 2 numbers an example, the target is [3]; set the head's `out`",
    );
    const name = await failure(() => regression({ loss: 'hubber' as never }));
    expect(name.message).toMatch(/unknown name "hubber". Did you mean "huber"\?/);
  });
});

it('rebuilds every objective from its config', () => {
  const made = [
    classification({ labelSmoothing: 0.1 }),
    matching(),
    regression({ loss: 'huber', delta: 3 }),
  ];
  expect(made.map(({ config }) => objectives.fromConfig(config).config)).toEqual(
    made.map(({ config }) => config),
  );
  expect(objectives.names).toEqual(made.map(({ config }) => config.type));
});
