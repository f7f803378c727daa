import { useNative } from '@chainrule/backend-node/backend';
import { defaultExecutor, eager, flatten, key } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluate, finish, type TrainOptions, train } from '../src/index.js';
import { xorData, xorOptions } from './options.js';

beforeAll(async () => {
  await useNative({ training: true });
});

async function lossesOf(options: Partial<TrainOptions<never>> = {}): Promise<number[]> {
  const losses: number[] = [];
  const { params } = await finish(train({ ...xorOptions(), ...options } as never), (event) => {
    if (event.type === 'step') losses.push(event.measures.loss);
  });
  tf.dispose(params as never);
  return losses;
}

// The same stream, where every step is one call of a TensorFlow session.
describe('train on the native backend', () => {
  it('uses the executor of the backend', async () => {
    const run = train(xorOptions());
    expect((await run.next()).value).toMatchObject({ executor: defaultExecutor().name });
    await run.return(undefined as never);
  });

  it('repeats itself bit for bit, and agrees with steps run one operation at a time', async () => {
    const losses = await lossesOf({ epochs: 5 });
    expect(await lossesOf({ epochs: 5 })).toEqual(losses);
    expect(await lossesOf({ epochs: 5, seed: 1 })).not.toEqual(losses);
    const plain = await lossesOf({ epochs: 5, executor: eager() });
    losses.forEach((loss, i) => {
      expect(loss).toBeCloseTo(plain[i]!, 4);
    });
  });

  it('leaks no tensor in 500 steps, nor when left early', async () => {
    const before = tf.memory().numTensors;
    const options = { ...xorOptions(), epochs: 125, validation: xorData({ seed: 1 }) };
    const { params, steps } = await finish(train(options));
    expect(steps).toBe(500);
    expect(tf.memory().numTensors - before).toBe(flatten(params).length);
    const data = xorData({ seed: 2, size: 200 });
    expect((await evaluate({ ...options, params, data })).accuracy).toBeGreaterThan(0.95);
    tf.dispose(params as never);
    for await (const event of train(options)) if (event.type === 'epoch') break;
    expect(tf.memory().numTensors).toBe(before);
  });

  it('gives back the parameters of the best epoch when aborted', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const result = await finish(train({ ...xorOptions(), signal }), (event) => {
      if (event.type === 'step' && event.step === 10) controller.abort();
    });
    expect(result).toMatchObject({ reason: 'aborted', steps: 10, bestEpoch: 2 });
    const { loss } = await evaluate({ ...xorOptions(), params: result.params });
    const start = await evaluate({ ...xorOptions(), params: xorOptions().model.init(key(0)) });
    expect(loss).toBeLessThan(start.loss);
  });
});
