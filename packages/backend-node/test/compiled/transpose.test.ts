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
import { transposes } from '../../src/compiled/transpose.js';

beforeAll(async () => {
  await useNative();
});

type State = { readonly y: tf.Tensor };
type Batch = { readonly x: tf.Tensor };

/** The state becomes the batch's numbers, transposed. */
const transposing =
  (order: number[]) =>
  (_: State, { x }: Batch) => ({
    state: { y: tf.transpose(x, order) },
    metrics: {},
  });

function example(shape: readonly number[], order: number[], dtype: 'float32' | 'int32') {
  const x = tf.reshape(
    tf.range(
      0,
      shape.reduce((a, b) => a * b),
      1,
      dtype,
    ),
    [...shape],
  );
  const y = tf.transpose(x, order);
  return { batch: { x }, state: { y: tf.zerosLike(y) }, expected: y, step: transposing(order) };
}

function operations({ batch, state, step }: ReturnType<typeof example>): string[] {
  const { graph } = record(nativeBackend(), step as unknown as AnyStep, state, batch, key(0));
  const roots = [...transposes(rewrite(graph)).state.values()].map(({ node }) => node);
  return reachable(roots).map(({ op }) => op);
}

async function transposed({ batch, state, step }: ReturnType<typeof example>) {
  const execution = compiled().prepare(step, state);
  await execution.run(batch, key(0));
  const { y } = await execution.read();
  execution.dispose();
  return y;
}

describe('a transposed matrix', () => {
  it.each<[shape: number[], order: number[], dtype: 'float32' | 'int32']>([
    [[128, 9], [1, 0], 'int32'],
    [[128, 9], [1, 0], 'float32'],
    [[1, 7], [1, 0], 'float32'],
    [[130, 67], [1, 0], 'float32'],
    [[512, 64], [1, 0], 'float32'],
    [[128, 1, 512], [2, 1, 0], 'float32'],
    [[5, 6, 7], [1, 2, 0], 'float32'],
    [[5, 6, 7], [2, 0, 1], 'float32'],
    [[3, 1, 17, 2, 1], [2, 4, 3, 1, 0], 'float32'],
  ])('of %j by the axes %j, %s', async (shape, order, dtype) => {
    const made = example(shape, order, dtype);
    const ops = operations(made);
    if (shape.filter((size) => size > 1).length > 1) {
      expect(ops).toContain('ChainruleTranspose');
      expect(ops).not.toContain('Transpose');
    }
    const y = await transposed(made);
    expect(y.dtype).toBe(dtype);
    expectClose(y, made.expected, { atol: 0, rtol: 0 });
  });

  it.each<[what: string, shape: number[], order: number[]]>([
    ['one of several', [5, 6, 7], [0, 2, 1]],
    ['whole rows', [5, 6, 7], [1, 0, 2]],
    ['all axes', [5, 6, 7], [2, 1, 0]],
    ['a large one', [2048, 1024], [1, 0]],
  ])('is left to TensorFlow where it is %s', async (_, shape, order) => {
    const made = example(shape, order, 'float32');
    const ops = operations(made);
    expect(ops).toContain('Transpose');
    expect(ops).not.toContain('ChainruleTranspose');
    expectClose(await transposed(made), made.expected, { atol: 0, rtol: 0 });
  });
});
