import { applyStep, type GradientTransformation, valueAndGrad } from '@chainrule/optim';
import {
  type Execution,
  type Executor,
  foldIn,
  key,
  type Metrics,
  mlp,
  type Params,
  type Step,
  split,
  type Tree,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

export interface TestBatch {
  readonly x: tf.Tensor2D;
  readonly y: tf.Tensor2D;
  /** 1 = a real example, 0 = padding. */
  readonly weight: tf.Tensor1D;
}

export interface TestState {
  readonly params: Params;
  readonly slots: Tree<tf.Tensor>;
  readonly [key: string]: Tree<tf.Tensor>;
}

type TestMetrics = Metrics & { readonly loss: tf.Scalar };
export type TestStep = Step<TestState, TestBatch, TestMetrics>;

const model = mlp({ in: 8, hidden: [16], out: 4, dropout: 0.25 });

/** A small network with dropout, a masked loss and an optimiser. */
export function training(optimizer: GradientTransformation<never>) {
  const transformation = optimizer as unknown as GradientTransformation;
  const init = (): TestState => {
    const params = model.init(key(1));
    return { params, slots: transformation.init(params) };
  };
  const step: TestStep = (state, batch, stepKey) => {
    const { value, grads } = valueAndGrad((params: Params) => {
      const context = { training: true, key: split(stepKey, 'model') };
      const error = tf.sub(model.apply(params as never, batch.x, context), batch.y);
      const each = tf.mean(tf.square(error), 1);
      return tf.div(tf.sum(tf.mul(each, batch.weight)), tf.sum(batch.weight)) as tf.Scalar;
    })(state.params);
    const [params, slots] = applyStep(transformation, grads, state.slots, state.params);
    return { state: { params, slots }, metrics: { loss: value } };
  };
  return { init, step };
}

/** Batch number `n`, the same each time, of which the last example is padding. */
export function batchOf(n: number, examples = 16): TestBatch {
  const x = tf.randomNormal<tf.Rank.R2>([examples, 8], 0, 1, 'float32', 10 + n);
  const w = tf.randomNormal<tf.Rank.R2>([8, 4], 0, 1, 'float32', 7);
  const y = tf.tidy(() => tf.sin(tf.matMul(x, w)) as tf.Tensor2D);
  w.dispose();
  const weight = tf.tensor1d(
    Array.from({ length: examples }, (_, i) => (i < examples - 1 ? 1 : 0)),
  );
  return { x, y, weight };
}

/** The losses of `steps` steps over four batches in turn. */
export async function lossesOf(
  executor: Executor,
  { init, step }: { init: () => TestState; step: TestStep },
  steps: number,
): Promise<number[]> {
  const execution = executor.prepare(step, init());
  const losses = await runSteps(execution, steps);
  execution.dispose();
  return losses;
}

export async function runSteps(
  execution: Execution<TestState, TestBatch, TestMetrics>,
  steps: number,
  start = 0,
): Promise<number[]> {
  const batches = [0, 1, 2, 3].map((n) => batchOf(n));
  const losses: number[] = [];
  for (let i = start; i < start + steps; i++) {
    losses.push((await execution.run(batches[i % 4]!, foldIn(key(3), i))).loss);
  }
  tf.dispose(batches as never);
  return losses;
}
