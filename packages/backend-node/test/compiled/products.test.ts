import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';
import { reachable } from '../../src/compiled/graph.js';
import { compiled } from '../../src/compiled/index.js';
import { nativeBackend } from '../../src/compiled/native.js';
import { narrowProducts } from '../../src/compiled/products.js';
import { type AnyStep, record } from '../../src/compiled/recorder.js';
import { rewrite } from '../../src/compiled/rewrite.js';

beforeAll(async () => {
  await useNative();
});

type Batch = { readonly dy: tf.Tensor2D; readonly w: tf.Tensor2D };

const step = (_state: { out: tf.Tensor }, { dy, w }: Batch) => ({
  state: { out: tf.matMul(dy, w, false, true) as tf.Tensor },
  metrics: {},
});
const batchOf = (rows: number, inputs: number, outputs: number): Batch => ({
  dy: tf.randomNormal([rows, outputs], 0, 1, 'float32', 1) as tf.Tensor2D,
  w: tf.randomNormal([inputs, outputs], 0, 1, 'float32', 2) as tf.Tensor2D,
});

/** How often the graph of dy · wᵀ transposes. */
function transposes(batch: Batch): number {
  const like = { out: tf.zeros([0]) };
  const { graph } = record(nativeBackend(), step as unknown as AnyStep, like, batch, key(0));
  const roots = [...narrowProducts(rewrite(graph)).state.values()].map(({ node }) => node);
  return reachable(roots).filter(({ op }) => op === 'Transpose').length;
}

describe('a few rows times many weights, transposed', () => {
  it('transposes the rows instead, where that is worth it', () => {
    expect(transposes(batchOf(64, 512, 512))).toBe(2);
    expect(transposes(batchOf(64, 128, 512))).toBe(0);
    expect(transposes(batchOf(512, 512, 512))).toBe(0);
    expect(transposes(batchOf(1, 512, 512))).toBe(0);
  });

  it.each([
    [8, 512, 512],
    [33, 700, 375],
    [256, 512, 513],
  ])('gives the same: %i rows, %i × %i', async (rows, inputs, outputs) => {
    const batch = batchOf(rows, inputs, outputs);
    const execution = compiled().prepare(step, { out: tf.zeros([rows, inputs]) as tf.Tensor });
    await execution.run(batch, key(0));
    const { out } = await execution.read();
    expectClose(out, tf.matMul(batch.dy, batch.w, false, true), { atol: 1e-4 });
    execution.dispose();
  });
});
