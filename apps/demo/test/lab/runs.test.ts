import '@chainrule/backend-node';
import { dataset, pixelImage } from '@chainrule/data';
import { fitWordTokenizer } from '@chainrule/encoders-text';
import { disposeTree } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { type RunEvent, runRequest } from '../../src/lab/lab.js';
import { type Outcome, runs, type TaskData } from '../../src/lab/runs.js';
import { turns } from '../../src/lab/turns.js';

/** Red and blue squares, two a batch. */
function squares(): TaskData {
  const examples = Array.from({ length: 4 }, (_, i) => {
    const pixels = new Uint8Array(64 * 64 * 3).map((_, k) => (k % 3 === (i % 2) * 2 ? 255 : 0));
    return {
      inputs: { image: pixelImage(`${i}`, pixels, [64, 64, 3]), text: 'what color is it?' },
      label: i % 2 === 0 ? 'red' : 'blue',
    };
  });
  const train = dataset({ name: 'squares', examples });
  return { train, test: train, tokenizer: fitWordTokenizer(['what color is it?']) };
}

function lab(options: { readonly limit?: number } = {}) {
  const events: RunEvent[] = [];
  const outcomes: Outcome[] = [];
  const waiting = new Set<() => void>();
  const all = runs({
    data: async (onProgress) => {
      onProgress(1, 2);
      return squares();
    },
    turn: turns(),
    emit: (event) => {
      events.push(event);
      for (const check of waiting) check();
    },
    onOutcome: async (outcome) => {
      outcomes.push(outcome);
      for (const check of waiting) check();
    },
    batchSize: 2,
    everyMs: 0,
    ...options,
  });
  const until = (what: (events: readonly RunEvent[]) => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (!what(events)) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  const of = (run: string, type: RunEvent['type']) =>
    events.filter((event) => event.run === run && event.type === type);
  return { all, events, outcomes, until, of };
}

const request = (fusion: string, epochs = 2) => runRequest.parse({ fusion, epochs });

test('two runs go forward by turns, report, and end without a leaked tensor', async () => {
  const before = tf.memory().numTensors;
  const { all, events, outcomes, until, of } = lab();
  all.start('a', request('sum'));
  all.start('b', request('product'));
  await until(() => of('a', 'stop').length + of('b', 'stop').length === 2);
  await until(() => outcomes.length === 2);

  expect(of('a', 'loading')).toEqual([{ run: 'a', type: 'loading', loaded: 1, total: 2 }]);
  const [start] = of('a', 'start');
  expect(start).toMatchObject({ epochs: 2, stepsPerEpoch: 2, backend: tf.getBackend() });
  const steps = events.filter(({ type }) => type === 'step').map(({ run }) => run);
  expect(steps.length).toBe(8);
  // Neither is ever two steps ahead of the other, but where one measures the test data.
  expect(new Set(steps.slice(0, 2))).toEqual(new Set(['a', 'b']));
  for (const event of of('b', 'step')) {
    if (event.type !== 'step') continue;
    expect(event.msPerStep).toBeGreaterThan(0);
    expect(event.shares.image! + event.shares.text!).toBeCloseTo(1, 6);
  }
  const [, epoch] = of('a', 'epoch');
  expect(epoch).toMatchObject({ epoch: 2, testAccuracy: expect.any(Number) });
  expect(of('a', 'stop')).toEqual([{ run: 'a', type: 'stop', reason: 'completed' }]);
  expect(outcomes.map(({ fusion }) => fusion).sort()).toEqual(['product', 'sum']);
  for (const { params } of outcomes) disposeTree(params);
  await expect.poll(() => tf.memory().numTensors, { timeout: 30_000 }).toBe(before);
});

test('a paused run stands still until it is resumed, and a stopped one ends', async () => {
  const before = tf.memory().numTensors;
  const { all, until, of } = lab();
  all.start('a', request('sum', 30));
  await until(() => of('a', 'step').length > 0);
  all.pause('a');
  await until(() => of('a', 'paused').length === 1);
  const stood = of('a', 'step').length;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(of('a', 'step').length).toBe(stood);
  all.resume('a');
  await until(() => of('a', 'step').length > stood);
  all.pause('a');
  await until(() => of('a', 'paused').length === 2);
  all.stop('a');
  await until(() => of('a', 'stop').length === 1);
  expect(of('a', 'stop')).toEqual([{ run: 'a', type: 'stop', reason: 'aborted' }]);
  await expect.poll(() => tf.memory().numTensors, { timeout: 30_000 }).toBe(before);
});

test('divergence, unknown strategies and too many runs are told', async () => {
  const { all, until, of } = lab({ limit: 2 });
  all.start('wild', { ...request('sum', 30), optimizer: 'sgd', learningRate: 10 });
  all.start('unknown', request('summ'));
  expect(() => all.start('third', request('sum'))).toThrow('2 runs are under way');
  await until(() => of('unknown', 'error').length === 1);
  expect(of('unknown', 'error')[0]).toMatchObject({ message: expect.stringContaining('sum') });
  await until(() => of('wild', 'stop').length === 1);
  expect(['diverged', 'completed']).toContain((of('wild', 'stop')[0] as { reason: string }).reason);
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(() => all.pause('wild')).toThrow('there is no run wild');
});
