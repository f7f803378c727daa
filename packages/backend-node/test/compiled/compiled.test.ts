import { adam } from '@chainrule/optim';
import { flatten, foldIn, key, mapTree } from '@chainrule/tensor';
import { expectNoLeaks } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';
import { compiled } from '../../src/compiled/index.js';
import { batchOf, lossesOf, runSteps, type TestState, training } from './model.js';

beforeAll(async () => {
  await useNative();
});

const run = training(adam({ learningRate: 0.01 }) as never);
const numbers = (state: TestState) =>
  flatten(state).map(([path, leaf]) => [path, [...leaf.dataSync()]] as const);

describe('the state', () => {
  it('reads as it was given before the first step', async () => {
    const initial = run.init();
    const expected = numbers(initial);
    const execution = compiled().prepare(run.step, initial);
    expect(numbers(await execution.read())).toEqual(expected);
    execution.dispose();
  });

  it('continues exactly where another execution was read', async () => {
    const whole = await lossesOf(compiled(), run, 12);
    const first = compiled().prepare(run.step, run.init());
    const losses = await runSteps(first, 5);
    const saved = await first.read();
    // More steps of the first must not change what was read.
    await runSteps(first, 3, 5);
    const second = compiled().prepare(run.step, run.init());
    await second.write(saved);
    losses.push(...(await runSteps(second, 3, 5)));
    // Neither may more steps of the second; and writing works within a session, too.
    await second.write(saved);
    await runSteps(second, 3, 5);
    losses.push(...(await runSteps(second, 4, 8)));
    expect(losses).toEqual(whole);
    first.dispose();
    second.dispose();
    tf.dispose(saved as never);
  });

  it('does not share memory with the arrays that it came from', async () => {
    const values = new Float32Array(64).fill(1);
    const execution = compiled().prepare(
      (state: { w: tf.Tensor }) => ({
        state: { w: tf.add(state.w, 1) },
        metrics: { sum: tf.sum(state.w) as tf.Scalar },
      }),
      { w: tf.tensor1d(values) },
    );
    for (let i = 0; i < 3; i++) await execution.run({}, key(0));
    expect(values.every((value) => value === 1)).toBe(true);
    expect(await execution.run({}, key(0))).toEqual({ sum: 64 * 4 });
    execution.dispose();
  });

  it('may move leaves about, keep them, and take them from the batch', async () => {
    type Leaves = { a: tf.Tensor1D; b: tf.Tensor1D; kept: tf.Tensor1D; seen: tf.Tensor1D };
    const leaf = (...values: number[]) => tf.tensor1d(values);
    const execution = compiled().prepare(
      ({ a, b, kept }: Leaves, { x }: { x: tf.Tensor1D }) => ({
        state: { a: b, b: a, kept, seen: x },
        metrics: {},
      }),
      { a: leaf(1, 2), b: leaf(3, 4), kept: leaf(5), seen: leaf(0) },
    );
    const x = leaf(7);
    for (let i = 0; i < 3; i++) await execution.run({ x }, key(0));
    x.dispose();
    const state = (await execution.read()) as unknown as TestState;
    expect(Object.fromEntries(numbers(state))).toEqual({
      a: [3, 4],
      b: [1, 2],
      kept: [5],
      seen: [7],
    });
    execution.dispose();
  });

  it('is checked when it is written and when a step returns it', async () => {
    const grows = compiled().prepare(
      ({ w }: { w: tf.Tensor }) => ({ state: { w: tf.concat([w, w]) }, metrics: {} }),
      { w: tf.zeros([2]) },
    );
    await expect(grows.run({}, key(0))).rejects.toThrow(/"w" is \[2\] and came back \[4\]/);
    await expect(grows.write({ w: tf.zeros([3]) })).rejects.toThrow(/"w" must be \[2\], got \[3\]/);
    grows.dispose();
  });
});

describe('shapes', () => {
  it('compiles each once, keeps the state, and drops the least recently used graph', async () => {
    let recorded = 0;
    const step: typeof run.step = (...args) => {
      recorded++;
      return run.step(...args);
    };
    const execution = compiled({ cache: 2 }).prepare(step, run.init());
    const calls = async (...sizes: number[]) => {
      recorded = 0;
      const losses: number[] = [];
      for (const size of sizes) {
        const batch = batchOf(0, size);
        losses.push((await execution.run(batch, key(9))).loss);
        tf.dispose(batch as never);
      }
      // Each graph is recorded and then checked.
      return { compiled: recorded / 2, losses };
    };
    const first = await calls(16, 8, 16, 8);
    expect(first.compiled).toBe(2);
    expect(first.losses[2]).toBeLessThan(first.losses[0]!);
    expect((await calls(4)).compiled).toBe(1);
    expect((await calls(8, 4)).compiled).toBe(0);
    expect((await calls(16)).compiled).toBe(1);
    execution.dispose();
  });

  it('tells apart what is no tensor in a batch', async () => {
    const execution = compiled().prepare(
      (state: { n: tf.Scalar }, { factor }: { factor: number }) => ({
        state: { n: tf.mul(state.n, factor) as tf.Scalar },
        metrics: { n: state.n },
      }),
      { n: tf.scalar(1) },
    );
    const seen: number[] = [];
    for (const factor of [2, 3, 2, 1]) seen.push((await execution.run({ factor }, key(0))).n);
    expect(seen).toEqual([1, 2, 6, 12]);
    execution.dispose();
  });
});

describe('memory', () => {
  it('holds no tensor after dispose, and none beside the state while it runs', async () => {
    await expectNoLeaks(async () => {
      const execution = compiled().prepare(run.step, run.init());
      await runSteps(execution, 3);
      await expectNoLeaks(() => runSteps(execution, 20, 3));
      tf.dispose((await execution.read()) as never);
      execution.dispose();
    });
  });

  it('stays flat', async () => {
    const execution = compiled().prepare(run.step, run.init());
    const batch = batchOf(0);
    const steps = async (n: number) => {
      for (let i = 0; i < n; i++) await execution.run(batch, foldIn(key(0), i));
      return process.memoryUsage.rss() / 2 ** 20;
    };
    const before = await steps(1000);
    expect((await steps(2000)) - before).toBeLessThan(20);
    execution.dispose();
    tf.dispose(batch as never);
  });
});

describe('tensors from outside the step', () => {
  it('are fed at each run, and must stay', async () => {
    const outside = tf.tensor1d([1, 2, 3]);
    const execution = compiled().prepare(
      (state: { n: tf.Scalar }) => ({
        state: { n: tf.add(state.n, tf.sum(outside)) as tf.Scalar },
        metrics: { n: state.n },
      }),
      { n: tf.scalar(0) },
    );
    await execution.run({}, key(0));
    expect(await execution.run({}, key(0))).toEqual({ n: 6 });
    outside.dispose();
    await expect(execution.run({}, key(0))).rejects.toThrow(/from outside .* has been disposed/);
    execution.dispose();
  });
});

describe('two leaves with the same data', () => {
  it('are two arguments', async () => {
    const execution = compiled().prepare(
      (state: { n: tf.Scalar }, { a, b }: { a: tf.Scalar; b: tf.Scalar }) => ({
        state,
        metrics: { difference: tf.sub(a, b) as tf.Scalar },
      }),
      { n: tf.scalar(0) },
    );
    const [a, b] = [tf.scalar(5), tf.scalar(3)];
    expect(await execution.run({ a, b: a }, key(0))).toEqual({ difference: 0 });
    expect(await execution.run({ a, b }, key(0))).toEqual({ difference: 2 });
    execution.dispose();
    tf.dispose(mapTree({ a, b }, (leaf: tf.Tensor) => leaf) as never);
  });
});
