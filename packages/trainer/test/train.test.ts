import '@tensorflow/tfjs';
import { sgd } from '@chainrule/optim';
import { flatten, key, type Params, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Batches,
  evaluate,
  finish,
  type StepEvent,
  type TrainEvent,
  type TrainingFailure,
  train,
} from '../src/index.js';
import { xorData, xorModel, xorOptions } from './options.js';
import { failure, inChild } from './support.js';

beforeAll(() => tf.setBackend('cpu'));

async function eventsOf(run: AsyncGenerator<TrainEvent>): Promise<TrainEvent[]> {
  const all: TrainEvent[] = [];
  for await (const event of run) all.push(event);
  return all;
}

async function lossesOf(run: AsyncGenerator<TrainEvent>): Promise<number[]> {
  const all = await eventsOf(run);
  return all
    .filter((event): event is StepEvent => event.type === 'step')
    .map(({ measures }) => measures.loss);
}

async function numbersOf(params: Params): Promise<number[]> {
  const values = await Promise.all(flatten(params).map(([, leaf]) => leaf.data()));
  return values.flatMap((data) => [...data]);
}

/** The data, with the answers swapped from the `n`th pass on: what was learnt gets worse and worse. */
function turning(data: Batches, n: number): Batches {
  let passes = 0;
  return {
    ...data,
    *epoch(epoch) {
      passes += 1;
      for (const batch of data.epoch(epoch) as Iterable<{ inputs: never; target: tf.Tensor1D }>) {
        const { target } = batch;
        if (passes < n) yield batch;
        else {
          yield { ...batch, target: tf.tidy(() => tf.cast(tf.sub(1, target), 'int32')) };
          target.dispose();
        }
      }
    },
  };
}

/** The key from which `train` makes the parameters of seed 0. */
const initialKey = () => split(key(0), 'init');

describe('train', () => {
  it('learns what neither modality says alone', async () => {
    const { params, history, reason, steps, bestEpoch } = await finish(train(xorOptions()));
    expect(reason).toBe('completed');
    expect(steps).toBe(20 * 4);
    expect(history).toHaveLength(20);
    expect(history[bestEpoch - 1]!.train.loss).toBe(Math.min(...history.map((e) => e.train.loss)));
    const data = xorData({ seed: 1, size: 200 });
    const { accuracy } = await evaluate({ ...xorOptions(), params, data });
    expect(accuracy).toBeGreaterThan(0.95);
  });

  it('tells its story in order', async () => {
    const validation = xorData({ seed: 1 });
    const all = await eventsOf(train({ ...xorOptions(), epochs: 2, validation }));
    expect(all.map(({ type }) => type)).toEqual([
      ...['start', 'step', 'step', 'step', 'step', 'epoch'],
      ...['step', 'step', 'step', 'step', 'epoch', 'stop'],
    ]);
    expect(all[0]).toEqual({
      type: 'start',
      epochs: 2,
      stepsPerEpoch: 4,
      examples: 64,
      parameters: 2 * (8 + 8) + (8 * 2 + 2),
      executor: 'eager',
      backend: 'cpu',
    });
    expect(all[7]).toMatchObject({ epoch: 2, step: 6, stepInEpoch: 2, examples: 16 });
    const measures = { loss: expect.any(Number), accuracy: expect.any(Number) };
    expect(all[5]).toMatchObject({ epoch: 1, train: measures, validation: measures, best: true });
    expect(all.at(-1)).toEqual({ type: 'stop', reason: 'completed' });
  });

  it('gives the same losses for the same seed, bit for bit, and others for another', async () => {
    const run = (seed: number) => lossesOf(train({ ...xorOptions(), epochs: 3, seed }));
    const first = await run(7);
    expect(await run(7)).toEqual(first);
    expect(await run(8)).not.toEqual(first);
  });

  it('gives the same losses in another process', async () => {
    const options = { ...xorOptions(), epochs: 3, seed: 7 };
    const elsewhere = await inChild<number[]>(`
      import '@tensorflow/tfjs';
      import * as tf from '@tensorflow/tfjs-core';
      import { train } from '@chainrule/trainer';
      import { xorOptions } from './options.js';

      await tf.setBackend('cpu');
      const losses = [];
      for await (const event of train({ ...xorOptions(), epochs: 3, seed: 7 })) {
        if (event.type === 'step') losses.push(event.measures.loss);
      }
      console.log('RESULT' + JSON.stringify(losses));
    `);
    expect(elsewhere).toEqual(await lossesOf(train(options)));
  });

  it('starts from given parameters and leaves them alone', async () => {
    const model = xorModel();
    const params = model.init(key(5));
    const before = await numbersOf(params);
    const result = await finish(train({ ...xorOptions(), model, params, epochs: 1 }));
    expect(await numbersOf(params)).toEqual(before);
    expect(await numbersOf(result.params)).not.toEqual(before);
  });

  it('keeps the best epoch by the validation data, or the last one', async () => {
    const options = () => ({ ...xorOptions(), epochs: 8, validation: turning(xorData(), 6) });
    const best = await finish(train(options()));
    expect(best.bestEpoch).toBe(5);
    expect(best.history.map((epoch) => epoch.best)).toEqual([
      ...[true, true, true, true, true],
      ...[false, false, false],
    ]);
    const five = await finish(train({ ...xorOptions(), epochs: 5, keep: 'last' }));
    expect(await numbersOf(best.params)).toEqual(await numbersOf(five.params));

    const last = await finish(train({ ...options(), keep: 'last' }));
    expect(last.bestEpoch).toBe(8);
    const eight = await finish(train({ ...xorOptions(), epochs: 8, keep: 'last' }));
    expect(await numbersOf(last.params)).toEqual(await numbersOf(eight.params));
  });

  it('stops early where nothing gets better for a while', async () => {
    const options = { ...xorOptions(), validation: turning(xorData(), 4) };
    const { history, reason, bestEpoch } = await finish(
      train({ ...options, watch: { metric: 'accuracy', patience: 2, minDelta: 0.001 } }),
    );
    expect(reason).toBe('early');
    expect(history.length).toBe(bestEpoch + 2);
    expect(history.length).toBeLessThan(20);
  });

  it('never takes a loss that is not a number for the best', async () => {
    const broken: Batches = {
      ...xorData(),
      *epoch() {
        yield {
          inputs: { a: tf.fill([2, 1], Number.NaN), b: tf.ones([2, 1]) },
          target: tf.tensor1d([0, 1], 'int32'),
        };
      },
    };
    const { bestEpoch, history } = await finish(
      train({ ...xorOptions(), epochs: 2, validation: broken }),
    );
    expect(history[0]!.validation!.loss).toBeNaN();
    expect(bestEpoch).toBe(0);
  });

  it('counts examples, not batches: a last batch of one weighs as one', async () => {
    const options = { ...xorOptions(), optimizer: sgd({ learningRate: 1e-12 }), epochs: 1 };
    const data = xorData({ size: 33, batchSize: 16 });
    const { history } = await finish(train({ ...options, data }));
    const whole = xorData({ size: 33, batchSize: 33 });
    const params = options.model.init(initialKey());
    const expected = await evaluate({ ...options, params, data: whole });
    expect(history[0]!.train.accuracy).toBeCloseTo(expected.accuracy!, 6);
    expect(history[0]!.train.loss).toBeCloseTo(expected.loss, 5);
  });
});

describe('stopping', () => {
  it('ends after the present step when aborted, with the best so far', async () => {
    const controller = new AbortController();
    const seen: string[] = [];
    const result = await finish(
      train({ ...xorOptions(), keep: 'last', signal: controller.signal }),
      (event) => {
        seen.push(event.type === 'stop' ? event.reason : event.type);
        if (event.type === 'step' && event.step === 10) controller.abort();
      },
    );
    expect(result).toMatchObject({ reason: 'aborted', steps: 10, bestEpoch: 2 });
    expect(result.history).toHaveLength(2);
    expect(seen.slice(-2)).toEqual(['step', 'aborted']);
    const two = await finish(train({ ...xorOptions(), epochs: 2, keep: 'last' }));
    expect(await numbersOf(result.params)).toEqual(await numbersOf(two.params));
  });

  it('keeps what part of the first epoch taught', async () => {
    const controller = new AbortController();
    const options = { ...xorOptions(), signal: controller.signal };
    const result = await finish(train(options), (event) => {
      if (event.type === 'step' && event.step === 2) controller.abort();
    });
    expect(result).toMatchObject({ reason: 'aborted', steps: 2, bestEpoch: 0 });
    const fresh = options.model.init(initialKey());
    expect(await numbersOf(result.params)).not.toEqual(await numbersOf(fresh));
  });

  it('is no error where the data source throws the signal’s reason, in training or validation', async () => {
    for (const when of ['data', 'validation'] as const) {
      const controller = new AbortController();
      const source = xorData();
      const throwing: Batches = {
        ...source,
        async *epoch(n, signal) {
          let count = 0;
          for await (const batch of source.epoch(n)) {
            yield batch;
            if (++count === 2) controller.abort();
            signal?.throwIfAborted();
          }
        },
      };
      const before = tf.memory().numTensors;
      const result = await finish(
        train({ ...xorOptions(), [when]: throwing, signal: controller.signal }),
      );
      expect(result.reason).toBe('aborted');
      tf.dispose(result.params as never);
      expect(tf.memory().numTensors).toBe(before);
    }
  });

  it('does nothing when aborted before it begins', async () => {
    const result = await finish(train({ ...xorOptions(), signal: AbortSignal.abort() }));
    expect(result).toMatchObject({ reason: 'aborted', steps: 0, bestEpoch: 0 });
  });

  it('passes a failure of the data source on', async () => {
    const data: Batches = {
      ...xorData(),
      // biome-ignore lint/correctness/useYield: it fails at once.
      *epoch() {
        throw new Error('the disk is gone');
      },
    };
    const before = tf.memory().numTensors;
    expect((await failure(() => finish(train({ ...xorOptions(), data })))).message).toBe(
      'the disk is gone',
    );
    expect(tf.memory().numTensors).toBe(before);
  });

  it('throws DIVERGED with what was learnt when the loss is no longer finite', async () => {
    const options = { ...xorOptions(), optimizer: sgd({ learningRate: 1e38 }) };
    const error = (await failure(() => finish(train(options)))) as TrainingFailure;
    expect(error.code).toBe('DIVERGED');
    expect(error.message).toMatch(/loss became (NaN|Infinity) at step \d+ \(epoch 1\); lower the/);
    expect(error.result).toMatchObject({ reason: 'diverged', bestEpoch: 0 });
    expect((await numbersOf(error.result.params)).every(Number.isFinite)).toBe(true);
  });
});

describe('memory', () => {
  it('leaks no tensor in 500 steps', async () => {
    const before = tf.memory().numTensors;
    const options = { ...xorOptions(), epochs: 125, validation: xorData({ seed: 1 }) };
    let atStart = 0;
    const { params, steps } = await finish(train(options), (event) => {
      if (event.type === 'step' && event.step === 4) atStart = tf.memory().numTensors;
      if (event.type === 'step' && event.step === 500) {
        expect(tf.memory().numTensors).toBe(atStart);
      }
    });
    expect(steps).toBe(500);
    expect(tf.memory().numTensors - before).toBe(flatten(params).length);
    tf.dispose(params as never);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('leaks nothing when the consumer leaves, or throws', async () => {
    const before = tf.memory().numTensors;
    for await (const event of train({ ...xorOptions(), validation: xorData() })) {
      if (event.type === 'step' && event.step === 6) break;
    }
    expect(tf.memory().numTensors).toBe(before);
    const stop = (event: TrainEvent) => {
      if (event.type === 'epoch') throw new Error('enough');
    };
    await failure(() => finish(train(xorOptions()), stop));
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('wrong options', () => {
  const messageOf = async (options: object) =>
    (await failure(() => finish(train({ ...xorOptions(), ...options })))).message;

  it('says what is wrong', async () => {
    expect(await messageOf({ epochs: 0 })).toBe('train: epochs must be a positive integer, got 0');
    expect(await messageOf({ watch: { patience: 1.5 } })).toBe(
      'train: watch.patience must be a positive integer, got 1.5',
    );
    expect(await messageOf({ watch: { metric: 'acuracy' } })).toBe(
      'train: there is no metric "acuracy" to watch; there are loss, accuracy. Did you mean "accuracy"?',
    );
    expect(await messageOf({ data: xorData({ size: 0 }) })).toBe(
      'train: the training data set is empty',
    );
    expect(await messageOf({ data: { ...xorData(), epoch: () => [] } })).toMatch(
      /the training data gave no batch/,
    );
    expect(await messageOf({ validation: { ...xorData(), epoch: () => [] } })).toMatch(
      /evaluate: the data gave no example/,
    );
    expect(await messageOf({ seed: -1 })).toMatch(/seed must be a non-negative integer, got -1/);
  });

  it('leaks nothing', async () => {
    const before = tf.memory().numTensors;
    await messageOf({ watch: { metric: 'acuracy' } });
    await messageOf({ validation: { ...xorData(), epoch: () => [] } });
    expect(tf.memory().numTensors).toBe(before);
  });
});
