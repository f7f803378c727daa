import { createHash } from 'node:crypto';
import {
  adam,
  adamw,
  applyStep,
  type GradientTransformation,
  valueAndGrad,
} from '@chainrule/optim';
import {
  disposeTree,
  type Executor,
  eager,
  flatten,
  foldIn,
  key,
  type Params,
  split,
  type Tree,
  uniform,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';
import { compiled } from '../../src/compiled/index.js';
import { hasOperations } from '../../src/operations.js';
import { boundOperations, count } from './bound.js';

beforeAll(async () => {
  await useNative();
});

type State = { readonly params: Params; readonly slots: Tree<tf.Tensor>; readonly old?: tf.Tensor };
type Batch = { readonly x: tf.Tensor2D; readonly y: tf.Tensor2D };

interface Shape {
  readonly batch: number;
  readonly in: number;
  readonly hidden: number;
  readonly out: number;
}

/** Two dense layers; `keepsOld` has the state remember the weights before the step as well. */
function network(
  { batch, in: inputs, hidden, out }: Shape,
  optimizer: GradientTransformation,
  keepsOld = false,
) {
  const init = (): State => {
    const layer = (name: string, shape: [number, number]) =>
      tf.mul(tf.sub(uniform(split(key(1), name), shape), 0.5), 2 / Math.sqrt(shape[0]));
    const params = { first: layer('first', [inputs, hidden]), last: layer('last', [hidden, out]) };
    return {
      params,
      slots: optimizer.init(params),
      ...(keepsOld && { old: tf.clone(params.first) }),
    };
  };
  const data = (): Batch => ({
    x: tf.sub(uniform(key(2), [batch, inputs]), 0.5) as tf.Tensor2D,
    y: uniform(key(3), [batch, out]) as tf.Tensor2D,
  });
  const step = (state: State, { x, y }: Batch) => {
    const { value, grads } = valueAndGrad((params: Params) => {
      const h = tf.relu(tf.matMul(x, params.first as tf.Tensor2D));
      const z = tf.matMul(h, params.last as tf.Tensor2D);
      return tf.mean(tf.square(tf.sub(z, y))) as tf.Scalar;
    })(state.params);
    const [params, slots] = applyStep(optimizer, grads, state.slots, state.params);
    const old = keepsOld ? { old: tf.clone(state.params.first as tf.Tensor) } : {};
    return { state: { params, slots, ...old }, metrics: { loss: value } };
  };
  return { init, data, step };
}

/** Losses and last state of some steps. */
async function trained(executor: Executor, made: ReturnType<typeof network>, steps = 4) {
  const execution = executor.prepare(made.step as never, made.init() as never);
  const batch = made.data();
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    losses.push((await execution.run(batch as never, foldIn(key(0), i))).loss as number);
  }
  const state = (await execution.read()) as Tree<tf.Tensor>;
  const values = new Map(flatten<tf.Tensor>(state).map(([path, leaf]) => [path, leaf.dataSync()]));
  disposeTree(state);
  execution.dispose();
  return { losses, values };
}

const operations = ({ init, data, step }: ReturnType<typeof network>) =>
  boundOperations(step, init(), data());

function digest({ losses, values }: Awaited<ReturnType<typeof trained>>): string {
  const hash = createHash('sha256').update(losses.join());
  for (const leaf of values.values()) hash.update(leaf as Float32Array);
  return hash.digest('hex');
}

function closeTo(
  actual: ReadonlyMap<string, ArrayLike<number>>,
  expected: ReadonlyMap<string, ArrayLike<number>>,
) {
  for (const [path, values] of expected) {
    const got = actual.get(path)!;
    const scale = Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    let worst = 0;
    for (let i = 0; i < values.length; i++) {
      worst = Math.max(worst, Math.abs(got[i]! - values[i]!));
    }
    expect(worst / (scale || 1), path).toBeLessThan(2e-4);
  }
}

// With the usual epsilon a gradient of nothing but rounding still moves its weight by the rate.
const optimizers = {
  adam: adam({ learningRate: 1e-2, epsilon: 1e-3 }),
  adamw: adamw({ learningRate: 1e-2, epsilon: 1e-3, weightDecay: 0.1 }),
};

it('is compiled where there is a compiler', () => expect(hasOperations()).toBe(true));

describe('a dense layer of many weights, forward, backward and with its update', () => {
  it.each<Shape & { optimizer: keyof typeof optimizers }>([
    { batch: 32, in: 8192, hidden: 128, out: 8, optimizer: 'adam' },
    { batch: 32, in: 8192, hidden: 128, out: 8, optimizer: 'adamw' },
    // Rows, columns and examples that fill no tile.
    { batch: 5, in: 21_851, hidden: 48, out: 3, optimizer: 'adam' },
    { batch: 1, in: 65_537, hidden: 16, out: 1, optimizer: 'adamw' },
    { batch: 70, in: 4001, hidden: 272, out: 2, optimizer: 'adam' },
    // The second layer is the large one, so its input's gradient is wanted; and both.
    { batch: 12, in: 64, hidden: 8191, out: 144, optimizer: 'adam' },
    { batch: 33, in: 1025, hidden: 1024, out: 1040, optimizer: 'adamw' },
  ])(
    '$batch × $in → $hidden → $out with $optimizer: as eagerly',
    async ({ optimizer, ...shape }) => {
      const made = network(shape, optimizers[optimizer]);
      expect(count(operations(made), 'ChainruleDenseAdam')).toBeGreaterThan(0);
      const forward = Math.min(shape.hidden, shape.in) < 512 ? 'ChainruleDense' : 'ChainruleMatMul';
      expect(count(operations(made), forward)).toBeGreaterThan(0);
      const expected = await trained(eager(), made);
      const actual = await trained(compiled(), made);
      expected.losses.forEach((loss, i) => {
        expect(Math.abs(actual.losses[i]! / loss - 1)).toBeLessThan(1e-4);
      });
      closeTo(actual.values, expected.values);
      expect(digest(await trained(compiled(), made))).toBe(digest(actual));
    },
  );

  it('has one update for each of two large layers, the first of which waits for the second', () => {
    const made = network({ batch: 33, in: 1025, hidden: 1024, out: 1040 }, optimizers.adam);
    const ops = operations(made);
    expect(count(ops, 'ChainruleDenseAdam')).toBe(2);
    expect(count(ops, 'ResourceApplyAdam')).toBe(0);
    expect(count(ops, 'MatMul')).toBe(0);
  });

  it('leaves small layers, and widths that are no multiple of 16, to other operations', () => {
    for (const hidden of [64, 1001]) {
      const ops = operations(network({ batch: 8, in: 2048, hidden, out: 4 }, optimizers.adam));
      expect(ops.some((op) => op.startsWith('ChainruleDense'))).toBe(false);
    }
  });
});

it('does not write weights that the state remembers as they were', async () => {
  const made = network({ batch: 8, in: 8192, hidden: 128, out: 4 }, optimizers.adam, true);
  const expected = await trained(eager(), made);
  const actual = await trained(compiled(), made);
  closeTo(actual.values, expected.values);
  const [old, now] = ['old', 'params/first'].map((path) => actual.values.get(path)!);
  expect(old!.some((value, i) => value !== now![i])).toBe(true);
});

it('does not change what was read before', async () => {
  const made = network({ batch: 8, in: 8192, hidden: 128, out: 4 }, optimizers.adam);
  const execution = compiled().prepare(made.step as never, made.init() as never);
  const batch = made.data();
  await execution.run(batch as never, key(0));
  const { params } = (await execution.read()) as State;
  const first = params.first as tf.Tensor;
  const sum = () => tf.tidy(() => tf.sum(tf.abs(first)).dataSync()[0]);
  const before = sum();
  await execution.run(batch as never, key(1));
  await execution.run(batch as never, key(2));
  expect(sum()).toBe(before);
  execution.dispose();
});
