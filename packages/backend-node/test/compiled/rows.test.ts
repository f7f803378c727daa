import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';
import { type Node, reachable } from '../../src/compiled/graph.js';
import { compiled } from '../../src/compiled/index.js';
import { nativeBackend } from '../../src/compiled/native.js';
import { type AnyStep, record } from '../../src/compiled/recorder.js';
import { rewrite } from '../../src/compiled/rewrite.js';
import { rowProducts } from '../../src/compiled/rows.js';

beforeAll(async () => {
  await useNative();
});

interface Case {
  /** Shapes before transposition. */
  readonly a: number[];
  readonly b: number[];
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly bias?: boolean;
}

function made({ a, b, transposeA = false, transposeB = false, bias = false }: Case) {
  const columns = b.at(transposeB ? -2 : -1)!;
  const batch = {
    a: tf.randomNormal(a, 0, 1, 'float32', 1),
    b: tf.randomNormal(b, 0, 1, 'float32', 2),
    bias: tf.randomNormal([columns], 0, 1, 'float32', 3),
  };
  const product = ({ a, b, bias: term }: typeof batch) => {
    const plain = tf.matMul(a, b, transposeA, transposeB);
    return bias ? tf.add(plain, term) : plain;
  };
  const step = (_state: { out: tf.Tensor }, given: typeof batch) => ({
    state: { out: product(given) },
    metrics: {},
  });
  return { batch, step, product };
}

/** The operations of the graph of a product. */
function operations(given: Case): Node[] {
  const { batch, step } = made(given);
  const like = { out: tf.zeros([0]) };
  const { graph } = record(nativeBackend(), step as unknown as AnyStep, like, batch, key(0));
  return reachable([...rowProducts(rewrite(graph)).state.values()].map(({ node }) => node));
}

const count = (given: Case, op: string) => operations(given).filter((n) => n.op === op).length;

describe('products of few rows', () => {
  it.each<Case>([
    { a: [64, 512], b: [512, 512] },
    { a: [64, 512], b: [512, 512], bias: true },
    { a: [64, 512], b: [512, 512], transposeB: true },
    { a: [64, 512], b: [64, 512], transposeA: true },
    // Sizes that fill no panel, block or vector.
    { a: [63, 500], b: [500, 521], bias: true },
    { a: [17, 391], b: [391, 77] },
    { a: [1, 700], b: [700, 515] },
    { a: [67, 333], b: [131, 333], transposeB: true, bias: true },
    { a: [85, 1031], b: [29, 1031], transposeB: true },
    { a: [70, 131], b: [70, 333], transposeA: true },
    { a: [9, 311], b: [9, 1001], transposeA: true, bias: true },
    // So large that what is written goes past the caches, and as large but of no whole vectors.
    { a: [40, 512], b: [40, 2112], transposeA: true },
    { a: [16, 500], b: [16, 2101], transposeA: true },
    // Batches of matrices.
    { a: [20, 64, 26], b: [20, 26, 390] },
    { a: [3, 2, 65, 40], b: [3, 2, 33, 40], transposeB: true },
    { a: [5, 64, 19], b: [5, 64, 300], transposeA: true },
  ])('$a · $b, transposed $transposeA $transposeB, bias $bias: the same', async (given) => {
    expect(count(given, 'ChainruleMatMul')).toBe(1);
    expect(count(given, 'BiasAdd')).toBe(0);
    const { batch, step, product } = made(given);
    const expected = product(batch);
    const execution = compiled().prepare(step, { out: tf.zerosLike(expected) });
    await execution.run(batch, key(0));
    const { out } = await execution.read();
    expectClose(out, expected, { atol: 2e-4 });
    execution.dispose();
  });

  it('stay TensorFlow’s where there are many, or next to none', () => {
    expect(count({ a: [2048, 64], b: [64, 64] }, 'ChainruleMatMul')).toBe(0);
    expect(count({ a: [8, 16], b: [16, 16] }, 'ChainruleMatMul')).toBe(0);
    expect(count({ a: [8, 512], b: [512, 512], transposeB: true }, 'ChainruleMatMul')).toBe(0);
  });
});
