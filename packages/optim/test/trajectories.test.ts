import { type Config, flatten, type Params } from '@chainrule/tensor';
import { expectClose, loadFixture } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyStep, updateStep } from '../src/index.js';
import { schedules, transformations } from '../src/registry.js';
import { registerFusedKernels } from './fused-kernels.js';

type Leaves = { readonly [path: string]: number[] };
const fixture = loadFixture<{
  params: Leaves;
  gradients: Leaves[];
  cases: { source: string; config: Config; trajectory: Leaves[] }[];
}>(import.meta.url, 'trajectories.json');

const tree = (leaves: Leaves): Params => ({
  layers: [
    {
      kernel: tf.tensor2d(leaves['layers/0/kernel']!, [2, 3]),
      bias: tf.tensor1d(leaves['layers/0/bias']!),
    },
    { kernel: tf.tensor2d(leaves['layers/1/kernel']!, [3, 1]) },
  ],
  scale: tf.scalar(leaves.scale![0]!),
});

const title = ({ source, config }: { source: string; config: Config }) =>
  `${JSON.stringify(config)} (${source})`;

function expectTrajectory(config: Config, expected: Leaves[], step: typeof updateStep): void {
  tf.tidy(() => {
    const transformation = transformations.fromConfig(config);
    let params = tree(fixture.params);
    let state = transformation.init(params);
    fixture.gradients.forEach((gradients, i) => {
      [params, state] = step(transformation, tree(gradients), state, params);
      for (const [path, leaf] of flatten(params)) {
        expectClose(leaf, expected[i]![path]!, { rtol: 1e-5, atol: 2e-6 });
      }
    });
  });
}

describe('updates are those of optax and PyTorch', () => {
  for (const one of fixture.cases) {
    it(title(one), () => expectTrajectory(one.config, one.trajectory, updateStep));
  }
});

describe('and so they are by fused kernels', () => {
  const fused = registerFusedKernels();
  beforeAll(fused.register);
  afterAll(fused.unregister);

  for (const one of fixture.cases) {
    it(title(one), () => {
      fused.calls.clear();
      expectTrajectory(one.config, one.trajectory, applyStep);
      const last = [one.config, ...((one.config.transformations ?? []) as Config[])].at(-1)!;
      const kernel = {
        sgd: 'ApplySgd',
        momentum: 'ApplyMomentum',
        nesterov: 'ApplyMomentum',
        adam: 'ApplyAdam',
        adamw: 'ApplyAdam',
      }[last.type];
      const leaves = flatten(tree(fixture.params)).length;
      expect([...fused.calls]).toEqual(
        kernel === undefined ? [] : [[kernel, leaves * fixture.gradients.length]],
      );
    });
  }
});

describe('schedules are those of optax and PyTorch', () => {
  const { cases } = loadFixture<{
    cases: { source: string; config: Config; rates: number[] }[];
  }>(import.meta.url, 'schedules.json');
  for (const one of cases) {
    it(title(one), () => {
      const schedule = schedules.fromConfig(one.config);
      const rates = one.rates.map((_, count) =>
        tf.tidy(() => schedule(tf.scalar(count, 'int32')).dataSync()[0]!),
      );
      expectClose(rates, one.rates, { rtol: 1e-5, atol: 1e-9 });
    });
  }
});
