import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';
import { reachable } from '../../src/compiled/graph.js';
import { compiled } from '../../src/compiled/index.js';
import { nativeBackend } from '../../src/compiled/native.js';
import { type AnyStep, record } from '../../src/compiled/recorder.js';
import { rewrite } from '../../src/compiled/rewrite.js';

beforeAll(async () => {
  await useNative();
});

type Batch = { readonly [name: string]: tf.Tensor };

/** A step whose state is a list of what `f` gives for a batch, so that all of it can be read. */
function stepOf(f: (batch: Batch) => tf.Tensor[]) {
  return (_state: { out: tf.Tensor[] }, batch: Batch) => ({
    state: { out: f(batch) },
    metrics: {},
  });
}

/** The operations that are left of `f`, beside constants, once it is rewritten. */
function operations(f: (batch: Batch) => tf.Tensor[], batch: Batch): string[] {
  const step = stepOf(f) as unknown as AnyStep;
  const { graph } = record(nativeBackend(), step, { out: [] }, batch, key(0));
  const roots = [...rewrite(graph).state.values()].map(({ node }) => node);
  return reachable(roots)
    .map(({ op }) => op)
    .filter((op) => op !== 'Argument' && op !== 'Constant')
    .sort();
}

/** Compiled, `f` must give what it gives eagerly. */
async function check(f: (batch: Batch) => tf.Tensor[], batch: Batch): Promise<void> {
  const expected = tf.tidy(() => f(batch));
  const out = expected.map((tensor) => tf.zerosLike(tensor));
  const execution = compiled().prepare(stepOf(f), { out });
  await execution.run(batch, key(0));
  const { out: actual } = await execution.read();
  actual.forEach((tensor, i) => {
    expectClose(tensor, expected[i]!);
  });
  execution.dispose();
  tf.dispose([actual, expected]);
}

/** The gradients of Σ weights · f(x…), for weights that are not all alike. */
function gradients(f: (...x: tf.Tensor[]) => tf.Tensor) {
  return (batch: Batch): tf.Tensor[] =>
    tf.grads((...x) => {
      const y = f(...x);
      const weights = tf.add(tf.reshape(tf.range(0, y.size), y.shape), 0.5);
      return tf.sum(tf.mul(tf.square(y), weights));
    })(Object.values(batch));
}

const values = (seed: number, ...shape: number[]) => tf.randomNormal(shape, 0, 1, 'float32', seed);
const x = () => values(1, 5, 6);

describe('rewriting', () => {
  it.each<[string, string[], (batch: Batch) => tf.Tensor[], Batch | (() => Batch)]>([
    [
      'a product of matrices',
      ['MatMul'],
      ({ a, b }) => [tf.matMul(a!, b!, true)],
      () => ({ a: values(1, 6, 5), b: values(2, 6, 3) }),
    ],
    [
      'a dense layer',
      ['BiasAdd', 'MatMul', 'Relu'],
      ({ a, b, c }) => [tf.relu(tf.add(tf.matMul(a!, b!), c!))],
      () => ({ a: x(), b: values(2, 6, 3), c: values(3, 3) }),
    ],
    [
      'a bias on the left',
      ['BiasAdd'],
      ({ a, b }) => [tf.add(b!, a!)],
      () => ({ a: values(1, 2, 3, 4, 5), b: values(2, 5) }),
    ],
    [
      'no bias, but a column',
      ['AddV2'],
      ({ a, b }) => [tf.add(a!, b!)],
      () => ({ a: x(), b: values(2, 5, 1) }),
    ],
    [
      'a row added to a row',
      ['AddV2'],
      ({ a, b }) => [tf.add(a!, b!)],
      () => ({ a: values(1, 6), b: values(2, 6) }),
    ],
    [
      'the gradient of a bias',
      ['BiasAddGrad'],
      ({ a }) => [tf.sum(a!, [0, 1])],
      () => ({ a: values(1, 4, 5, 6) }),
    ],
    [
      'a sum over other axes',
      ['Sum'],
      ({ a }) => [tf.sum(a!, [0, 2])],
      () => ({ a: values(1, 4, 5, 6) }),
    ],
    [
      'reshapes that change nothing',
      [],
      ({ a }) => [tf.reshape(tf.cast(a!, 'float32'), [5, 6])],
      () => ({ a: x() }),
    ],
    [
      'a product with ones',
      ['BroadcastTo'],
      ({ a }) => [tf.mul(a!, tf.ones([40, 6]))],
      () => ({ a: values(1, 6) }),
    ],
    [
      'a product with something broadcast',
      ['Mul', 'Sin'],
      ({ a, b }) => [tf.mul(tf.mul(a!, tf.ones([40, 6])), tf.sin(b!))],
      () => ({ a: values(1, 6), b: values(2, 40, 6) }),
    ],
    [
      'a large constant of one number',
      ['Mul'],
      ({ a }) => [tf.mul(a!, tf.fill([20, 20], 3))],
      () => ({ a: values(1, 20, 20) }),
    ],
    [
      'a transpose of integers',
      ['Bitcast', 'Bitcast', 'Transpose'],
      ({ a }) => [tf.transpose(a!)],
      () => ({
        a: tf.tensor2d(
          [
            [1, -2, 2 ** 30],
            [0, -(2 ** 31), 7],
          ],
          [2, 3],
          'int32',
        ),
      }),
    ],
    [
      'a mask made of integers',
      ['Cast', 'Greater', 'Maximum', 'Reshape', 'Transpose'],
      ({ a }) => [tf.transpose(tf.reshape(tf.cast(tf.greater(a!, 0), 'float32'), [6, 5]))],
      () => ({ a: x() }),
    ],
  ])('%s', async (_name, expected, f, batch) => {
    const given = typeof batch === 'function' ? batch() : batch;
    expect(operations(f, given)).toEqual(expected);
    await check(f, given);
  });

  it.each<[string, string, (...x: tf.Tensor[]) => tf.Tensor]>([
    ['relu', 'ReluGrad', (a) => tf.relu(tf.mul(a!, 2))],
    ['sigmoid', 'SigmoidGrad', (a) => tf.sigmoid(a!)],
    ['tanh', 'TanhGrad', (a) => tf.tanh(a!)],
    [
      'a bias',
      'BiasAddGrad',
      (a) => tf.add(tf.square(a!), tf.reshape(tf.slice(a!, [0, 0], [1, 6]), [6])),
    ],
  ])('the gradient of %s', async (_name, expected, f) => {
    const given = { a: x() };
    expect(operations(gradients(f), given)).toContain(expected);
    await check(gradients(f), given);
  });

  it('keeps a gradient that only looks like that of relu', async () => {
    const f = ({ a, b }: Batch) => [
      tf.mul(b!, tf.step(a!, 0.5)),
      tf.mul(b!, tf.cast(tf.greater(a!, 0), 'float32')),
    ];
    const given = { a: x(), b: values(3, 5, 6) };
    expect(operations(f, given)).not.toContain('ReluGrad');
    await check(f, given);
  });
});
