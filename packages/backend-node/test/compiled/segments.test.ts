import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';
import { reachable } from '../../src/compiled/graph.js';
import { compiled } from '../../src/compiled/index.js';
import { nativeBackend } from '../../src/compiled/native.js';
import { type AnyStep, record } from '../../src/compiled/recorder.js';
import { segmentSums } from '../../src/compiled/segments.js';

beforeAll(async () => {
  await useNative();
});

type State = { readonly table: tf.Tensor };
type Batch = { readonly ids: tf.Tensor; readonly weights: tf.Tensor };

/** The state becomes the gradient of the table that the ids look into. */
const step = ({ table }: State, { ids, weights }: Batch) => ({
  state: {
    table: tf.grad((t) => tf.sum(tf.mul(tf.gather(t, ids as tf.Tensor1D), weights)))(table),
  },
  metrics: {},
});

function example(rows: readonly number[], segments: number, width: readonly number[]) {
  const count = rows.reduce((a, b) => a * b);
  // Some segments have no row.
  const values = Int32Array.from({ length: count }, (_, i) => (i * 7) % Math.max(1, segments - 2));
  return {
    state: { table: tf.zeros([segments, ...width]) },
    batch: {
      ids: tf.tensor(values, [...rows], 'int32'),
      weights: tf.randomNormal([...rows, ...width], 0, 1, 'float32', 3),
    },
  };
}

describe('the gradient of a gather', () => {
  it.each<[rows: number[], segments: number, width: number[]]>([
    [[5], 3, [16]],
    [[576], 28, [512]],
    [[320], 16, [49, 64]],
    [[7, 9], 12, [5]],
    [[100], 1, [37]],
    [[40], 9, []],
  ])('of rows %j in %i segments of %j is a sum over segments', async (rows, segments, width) => {
    const { state, batch } = example(rows, segments, width);
    const expected = step(state, batch).state.table;
    const { graph } = record(nativeBackend(), step as unknown as AnyStep, state, batch, key(0));
    const roots = [...segmentSums(graph).state.values()].map(({ node }) => node);
    const operations = reachable(roots).map(({ op }) => op);
    expect(operations).toContain('ChainruleSegmentSum');
    expect(operations).not.toContain('UnsortedSegmentSum');
    const execution = compiled().prepare(step, state);
    await execution.run(batch, key(0));
    expectClose((await execution.read()).table as tf.Tensor, expected, { atol: 1e-5 });
    execution.dispose();
  });
});
