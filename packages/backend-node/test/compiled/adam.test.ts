import {
  adam,
  adamw,
  applyStep,
  type GradientTransformation,
  sgd,
  valueAndGrad,
} from '@chainrule/optim';
import {
  type Executor,
  eager,
  foldIn,
  key,
  type Params,
  split,
  type Tree,
  uniform,
} from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';
import { compiled } from '../../src/compiled/index.js';
import { boundOperations, count } from './bound.js';

beforeAll(async () => {
  await useNative();
});

type State = { readonly params: Params; readonly slots: Tree<tf.Tensor>; readonly old?: tf.Tensor };
type Batch = { readonly x: tf.Tensor1D };

/** A number alone, a few, what fills no vector, and more than a thread updates at a time. */
const SHAPES: { readonly [name: string]: number[] } = {
  alone: [],
  few: [3],
  matrix: [37, 5],
  large: [300, 100],
  third: [2, 3, 16],
};

/** Weights of many shapes that are pulled to functions of the batch's numbers. */
function training(optimizer: GradientTransformation, keepsOld = false) {
  const params = Object.fromEntries(
    Object.entries(SHAPES).map(([name, shape]) => [
      name,
      uniform(split(key(1), name), shape as [number]),
    ]),
  ) as Params;
  const init = (): State => ({
    params: Object.fromEntries(
      Object.entries(params).map(([name, w]) => [name, tf.clone(w as tf.Tensor)]),
    ),
    slots: optimizer.init(params),
    ...(keepsOld && { old: tf.zeros(SHAPES.matrix!) }),
  });
  const batch: Batch = { x: tf.tensor1d([0.3, -0.7]) };
  const step = (state: State, { x }: Batch) => {
    const [a, b] = tf.split(x, 2) as [tf.Tensor, tf.Tensor];
    const { value, grads } = valueAndGrad(
      (given: Params) =>
        Object.values(given)
          .map((w) => tf.mean(tf.square(tf.sub(tf.mul(tf.sin(w as tf.Tensor), a), b))))
          .reduce((sum, part) => tf.add(sum, part)) as tf.Scalar,
    )(state.params);
    const [next, slots] = applyStep(optimizer, grads, state.slots, state.params);
    const before = state.params.matrix as tf.Tensor;
    const old = keepsOld ? { old: tf.clone(before) } : {};
    const metrics = { loss: value, alone: state.params.alone as tf.Scalar };
    return { state: { params: next, slots, ...old }, metrics };
  };
  return { init, batch, step };
}
type Training = ReturnType<typeof training>;

const operations = ({ init, batch, step }: Training) => boundOperations(step, init(), batch);

async function trained(executor: Executor, { init, batch, step }: Training, steps = 5) {
  const execution = executor.prepare(step, init());
  const metrics: object[] = [];
  for (let i = 0; i < steps; i++) metrics.push(await execution.run(batch, foldIn(key(0), i)));
  const state = await execution.read();
  execution.dispose();
  return { metrics, state };
}

async function expectAgreement(made: Training) {
  const expected = await trained(eager(), made);
  const actual = await trained(compiled(), made);
  for (const name of Object.keys(SHAPES)) {
    const close = { rtol: 1e-5, atol: 1e-6 };
    expectClose(
      actual.state.params[name] as tf.Tensor,
      expected.state.params[name] as tf.Tensor,
      close,
    );
  }
  expect(actual.metrics).toHaveLength(expected.metrics.length);
  expected.metrics.forEach((values, i) => {
    for (const [name, value] of Object.entries(values)) {
      expect((actual.metrics[i] as { [name: string]: number })[name]).toBeCloseTo(value, 5);
    }
  });
  return actual;
}

describe("Adam's updates of a model's weights", () => {
  it.each<[string, GradientTransformation]>([
    ['adam', adam({ learningRate: 1e-2 })],
    ['adamw', adamw({ learningRate: 1e-2, weightDecay: 0.1 })],
  ])('are one operation, and the same as eagerly: %s', async (_, optimizer) => {
    const made = training(optimizer);
    const ops = operations(made);
    expect(count(ops, 'ChainruleAdam')).toBe(1);
    // What is shown of a step is the weight before it, so that one is not written in place.
    expect(count(ops, 'ResourceApplyAdam')).toBe(1);
    await expectAgreement(made);
  });

  it('do not write a weight that the state remembers as it was', async () => {
    const made = training(adam({ learningRate: 1e-2 }), true);
    expect(count(operations(made), 'ResourceApplyAdam')).toBe(2);
    const { state } = await expectAgreement(made);
    const before = await trained(eager(), made, 4);
    expectClose(state.old!, before.state.params.matrix as tf.Tensor, { rtol: 1e-5, atol: 1e-6 });
  });

  it('are two where some weights decay and others do not', async () => {
    const optimizer = adamw({
      learningRate: 1e-2,
      weightDecay: 0.1,
      mask: /matrix|large/,
    });
    const made = training(optimizer);
    expect(count(operations(made), 'ChainruleAdam')).toBe(2);
    await expectAgreement(made);
  });

  it("leave other optimisers' updates as they are", () => {
    expect(count(operations(training(sgd({ learningRate: 0.1 }))), 'ChainruleAdam')).toBe(0);
  });
});
