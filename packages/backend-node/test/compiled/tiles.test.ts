import { key, normalArray, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';
import { reachable } from '../../src/compiled/graph.js';
import { compiled } from '../../src/compiled/index.js';
import { nativeBackend } from '../../src/compiled/native.js';
import { type AnyStep, record } from '../../src/compiled/recorder.js';
import { rewrite } from '../../src/compiled/rewrite.js';
import { tiledProducts } from '../../src/compiled/tiles.js';
import { hasProduct } from '../../src/operations.js';

beforeAll(async () => {
  await useNative();
});

interface Shape {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly bias?: boolean;
  readonly relu?: boolean;
}
type Batch = { readonly a: tf.Tensor2D; readonly b: tf.Tensor2D; readonly bias: tf.Tensor1D };

const matrix = (name: string, rows: number, columns: number, turned = false): tf.Tensor2D =>
  tf.tensor2d(
    normalArray(split(key(5), name), rows * columns),
    turned ? [columns, rows] : [rows, columns],
  );

function product({ rows, columns, depth, transposeA, transposeB, bias, relu }: Shape) {
  const batch: Batch = {
    a: matrix('a', rows, depth, transposeA),
    b: matrix('b', depth, columns, transposeB),
    bias: tf.tensor1d(normalArray(split(key(5), 'bias'), columns)),
  };
  const step = (_: { out: tf.Tensor }, given: Batch) => {
    const c = tf.matMul(given.a, given.b, transposeA, transposeB);
    const d = bias ? tf.add(c, given.bias) : c;
    return { state: { out: relu ? tf.relu(d) : d }, metrics: {} };
  };
  return { batch, step, state: { out: tf.zeros([rows, columns]) as tf.Tensor } };
}

function operations({ batch, step, state }: ReturnType<typeof product>): string[] {
  const { graph } = record(nativeBackend(), step as unknown as AnyStep, state, batch, key(0));
  const roots = [...tiledProducts(rewrite(graph)).state.values()].map(({ node }) => node);
  return reachable(roots)
    .map(({ op }) => op)
    .filter((op) => ['MatMul', 'BiasAdd', 'Relu', 'ChainruleProduct'].includes(op));
}

/** In double precision, with the sum of the absolute values of what is added. */
function exact({ batch }: ReturnType<typeof product>, shape: Shape) {
  const { rows, columns, depth, transposeA, transposeB, bias, relu } = shape;
  const [a, b, added] = [batch.a.dataSync(), batch.b.dataSync(), batch.bias.dataSync()];
  return (i: number, j: number) => {
    let [sum, size] = [bias ? added[j]! : 0, 1];
    for (let k = 0; k < depth; k++) {
      const x = transposeA ? a[k * rows + i]! : a[i * depth + k]!;
      const y = transposeB ? b[j * depth + k]! : b[k * columns + j]!;
      sum += x * y;
      size += Math.abs(x * y);
    }
    return { value: relu ? Math.max(0, sum) : sum, size };
  };
}

describe('a large product', () => {
  it.each<Shape>([
    { rows: 512, columns: 256, depth: 200 },
    { rows: 200, columns: 350, depth: 256, transposeA: true },
    { rows: 97, columns: 533, depth: 343, transposeB: true },
    { rows: 363, columns: 229, depth: 225, transposeA: true, transposeB: true },
    { rows: 33, columns: 2048, depth: 331, bias: true },
    { rows: 1520, columns: 200, depth: 100, bias: true, relu: true },
    { rows: 700, columns: 480, depth: 64, relu: true },
    { rows: 96, columns: 96, depth: 3000, transposeA: true },
    { rows: 40, columns: 50, depth: 9000, transposeA: true, bias: true, relu: true },
    { rows: 64, columns: 33, depth: 8500, transposeB: true },
  ])('is as exact as in float32: $rows × $depth × $columns (case %#)', async (shape) => {
    const given = product(shape);
    const execution = compiled().prepare(given.step, given.state);
    await execution.run(given.batch, key(0));
    const { out } = await execution.read();
    const [values, expected] = [out.dataSync(), exact(given, shape)];
    let worst = 0;
    for (let i = 0; i < shape.rows; i += 3) {
      for (let j = i % 2; j < shape.columns; j += 2) {
        const { value, size } = expected(i, j);
        worst = Math.max(worst, Math.abs(values[i * shape.columns + j]! - value) / size);
      }
    }
    // Half a unit in the last place of float32 is 6·10⁻⁸.
    expect(worst).toBeLessThan(4e-7);
    execution.dispose();
  });

  it('is one operation with its bias and its ReLU, where the processor has tiles', () => {
    const all = { rows: 256, columns: 256, depth: 512, bias: true, relu: true };
    const here = (tiled: string[], plain: string[]) => (hasProduct() ? tiled : plain);
    expect(operations(product(all))).toEqual(
      here(['ChainruleProduct'], ['MatMul', 'BiasAdd', 'Relu']),
    );
    const small = { rows: 31, columns: 1024, depth: 1024 };
    expect(operations(product(small))).toEqual(['MatMul']);
    expect(operations(product({ rows: 255, columns: 256, depth: 256 }))).toEqual(['MatMul']);
  });

  it('shows that a number is none', async () => {
    const { step, state } = product({
      rows: 256,
      columns: 256,
      depth: 512,
      bias: true,
      relu: true,
    });
    const batch = {
      a: tf.fill([256, 512], Number.NaN) as tf.Tensor2D,
      b: tf.ones([512, 256]) as tf.Tensor2D,
      bias: tf.zeros([256]) as tf.Tensor1D,
    };
    const execution = compiled().prepare(step, state);
    await execution.run(batch, key(0));
    const { out } = await execution.read();
    expect(out.dataSync().every(Number.isNaN)).toBe(true);
    execution.dispose();
  });
});
