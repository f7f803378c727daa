import '@tensorflow/tfjs';
import { small } from '@chainrule/encoders-image';
import { sum } from '@chainrule/fusion';
import { adamw, sgd } from '@chainrule/optim';
import {
  eager,
  flatten,
  isTrainable,
  key,
  mlp,
  type Params,
  uniformArray,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { classification, evaluationStep, multimodal, trainState, trainStep } from '../src/index.js';
import { xorData, xorModel } from './options.js';

beforeAll(() => tf.setBackend('cpu'));

const leavesOf = (params: Params, wanted: (path: string) => boolean) =>
  Object.fromEntries(
    flatten(params)
      .filter(([path]) => wanted(path))
      .map(([path, leaf]) => [path, [...leaf.dataSync()]]),
  );

describe('trainStep', () => {
  it('is gradient descent: θ − α·∂loss/∂θ, by finite differences', () => {
    const model = xorModel();
    const objective = classification();
    const params = model.init(key(0));
    const [batch] = xorData({ size: 8, batchSize: 8 }).epoch(0) as Iterable<never>;
    const optimizer = sgd({ learningRate: 1 });
    const { state, metrics } = trainStep(model, objective, optimizer)(
      trainState(params, optimizer),
      batch!,
      key(1),
    );
    const lossAt = (path: string, i: number, delta: number) => {
      const leaf = flatten(params).find(([each]) => each === path)![1];
      const before = leaf.dataSync().slice();
      const values = leaf.dataSync();
      values[i] = before[i]! + delta;
      const { loss } = evaluationStep(model, objective)(params, batch!, key(0)).metrics;
      const result = loss.dataSync()[0]!;
      values.set(before);
      return result;
    };
    expect(metrics.loss.dataSync()[0]).toBeCloseTo(lossAt('head/layers/0/bias', 0, 0), 6);
    for (const path of ['head/layers/0/kernel', 'encoders/a/kernel', 'encoders/b/bias']) {
      const before = leavesOf(params, (each) => each === path)[path]!;
      const after = leavesOf(state.params, (each) => each === path)[path]!;
      const slope = (lossAt(path, 0, 1e-2) - lossAt(path, 0, -1e-2)) / 2e-2;
      expect(before[0]! - after[0]!).toBeCloseTo(slope, 3);
    }
  });

  it('reports over how many examples it measured', () => {
    const model = xorModel();
    const params = model.init(key(0));
    const [batch] = xorData({ size: 8, batchSize: 8 }).epoch(0) as Iterable<object>;
    const step = evaluationStep(model, classification());
    const measure = (weight?: tf.Tensor1D) =>
      step(params, { ...batch, ...(weight && { weight }) } as never, key(0)).metrics;
    expect(measure().examples.dataSync()[0]).toBe(8);
    expect(measure(tf.tensor1d([1, 1, 1, 0, 0, 0, 0, 0])).examples.dataSync()[0]).toBe(3);
  });
});

describe('statistics', () => {
  const model = multimodal({
    encoders: { image: small({ size: [16, 16], width: 4, norm: 'batch' }) },
    fusion: sum,
    head: (width) => mlp({ in: width, out: 2 }),
  });
  const pixels = tf.tensor4d(uniformArray(key(1), 6 * 16 * 16 * 3), [6, 16, 16, 3]);
  const batch = () => ({
    inputs: { image: pixels },
    target: tf.tensor1d([0, 1, 0, 1, 0, 1], 'int32'),
  });

  it('become what the norms report; the optimiser leaves them alone', async () => {
    const params = model.init(key(0));
    const before = leavesOf(params, (path) => !isTrainable(path));
    expect(Object.keys(before)).toHaveLength(8);
    const optimizer = adamw({ learningRate: 0, weightDecay: 0.9 });
    const step = trainStep(model, classification(), optimizer);
    const trainable = leavesOf(params, isTrainable);

    const state = trainState(params, optimizer);
    const memory = tf.memory().numTensors;
    const execution = eager().prepare(step, state);
    const means: number[][] = [];
    for (let n = 0; n < 3; n++) {
      const { inputs, target } = batch();
      await execution.run({ inputs, target }, key(n));
      target.dispose();
      expect(tf.memory().numTensors).toBe(memory);
      const { params: after, optimizer: slots } = await execution.read();
      expect(leavesOf(after, isTrainable)).toEqual(trainable);
      const statistics = leavesOf(after, (path) => !isTrainable(path));
      for (const path of Object.keys(before)) expect(statistics[path]).not.toEqual(before[path]);
      means.push(statistics['encoders/image/blocks/0/norm/statistics/mean']!);
      tf.dispose([after, slots] as never);
    }
    // With the rate 0 every step sees the same batch mean s, so r = s·(1 − 0.9ⁿ) after n steps.
    means[0]!.forEach((first, i) => {
      expect(means[2]![i]! / first).toBeCloseTo((1 - 0.9 ** 3) / (1 - 0.9), 3);
    });
    execution.dispose();
  });

  it('are what evaluation uses, and evaluation does not change them', async () => {
    const params = model.init(key(0));
    const optimizer = sgd({ learningRate: 0 });
    const training = eager().prepare(
      trainStep(model, classification(), optimizer),
      trainState(params, optimizer),
    );
    const losses: number[] = [];
    for (let n = 0; n < 3; n++) {
      await training.run(batch(), key(n));
      const state = await training.read();
      const evaluation = eager().prepare(evaluationStep(model, classification()), state.params);
      const { loss } = await evaluation.run(batch(), key(0));
      expect((await evaluation.run(batch(), key(0))).loss).toBe(loss);
      losses.push(loss);
    }
    expect(new Set(losses).size).toBe(3);
  });
});
