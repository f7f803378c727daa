import { crossEntropy, SOFTMAX_CROSS_ENTROPY } from '@chainrule/losses';
import {
  ATTENTION,
  ATTENTION_GRADIENT,
  type AttentionMask,
  batchNorm,
  FUSED_BATCH_NORM,
  FUSED_BATCH_NORM_GRADIENT,
  GELU,
  GELU_GRADIENT,
  geluExact,
  geluTanh,
  key,
  LAYER_NORM,
  LAYER_NORM_GRADIENT,
  layerNorm,
  multiHeadAttention,
  type Tree,
} from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';
import { compiled } from '../../src/compiled/index.js';

beforeAll(async () => {
  await useNative();
});

/** What `f` gives without these kernels of the native backend: the composite twins. */
function without<T>(kernels: readonly string[], f: () => T): T {
  const registered = kernels.map((name) => tf.getKernel(name, 'tensorflow'));
  for (const name of kernels) tf.unregisterKernel(name, 'tensorflow');
  try {
    return f();
  } finally {
    for (const kernel of registered) tf.registerKernel(kernel);
  }
}

/** Eager, compiled, and by the composite twins: all must agree. */
async function agree(
  kernels: readonly string[],
  f: (x: tf.Tensor[]) => tf.Tensor[],
  inputs: tf.Tensor[],
  tolerance: { rtol?: number; atol?: number },
): Promise<void> {
  const own = tf.tidy(() => f(inputs));
  const composite = without(kernels, () => tf.tidy(() => f(inputs)));
  const execution = compiled().prepare(
    (_: { out: Tree<tf.Tensor> }, { x }: { x: tf.Tensor[] }) => ({
      state: { out: f(x) },
      metrics: {},
    }),
    { out: own.map((tensor) => tf.zerosLike(tensor)) },
  );
  await execution.run({ x: inputs }, key(0));
  const state = await execution.read();
  const recorded = state.out as tf.Tensor[];
  own.forEach((tensor, i) => {
    expectClose(tensor, composite[i]!, tolerance);
    expectClose(recorded[i]!, composite[i]!, tolerance);
  });
  execution.dispose();
  tf.dispose([own, composite, recorded]);
}

describe('batch norm', () => {
  const kernels = [FUSED_BATCH_NORM, FUSED_BATCH_NORM_GRADIENT];

  it.each([[[4, 5, 3, 6]], [[32, 16, 16, 16]], [[8, 6]], [[2, 7, 6]]])(
    'of %j agrees with the composite one',
    async (shape) => {
      const width = shape.at(-1)!;
      const norm = batchNorm<tf.Tensor>({ width });
      const f = ([x, scale, offset]: tf.Tensor[]) => {
        const updates: tf.Tensor[] = [];
        const statistics = { mean: tf.zeros([width]), variance: tf.ones([width]) };
        const apply = (input: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) =>
          norm.apply({ scale, offset, statistics } as never, input, {
            training: true,
            update: (_, value) => updates.push(tf.keep(tf.clone(value))),
          });
        const y = apply(x!, scale!, offset!);
        const [mean, variance] = updates;
        const weights = tf.cos(tf.reshape(tf.range(0, y.size), y.shape));
        const grads = tf.grads((x, scale, offset) =>
          tf.sum(tf.mul(tf.square(apply(x!, scale!, offset!)), weights)),
        )([x!, scale!, offset!]);
        return [y, mean!, variance!, ...grads];
      };
      const x = tf.add(tf.mul(tf.randomNormal(shape, 0, 1, 'float32', 1), 2), 3);
      const scale = tf.randomNormal([width], 1, 0.2, 'float32', 2);
      const offset = tf.randomNormal([width], 0, 1, 'float32', 3);
      await agree(kernels, f, [x, scale, offset], { rtol: 1e-4, atol: 2e-4 });
    },
  );
});

describe('layer norm', () => {
  const kernels = [LAYER_NORM, LAYER_NORM_GRADIENT];

  // The last two are shared by several threads; the last far from 0.
  it.each([
    [[2, 5, 16], 0],
    [[1, 48], 0],
    [[3000, 32], 0],
    [[40, 30, 384], 100],
  ])('of %j around %f agrees with the composite one', async (shape, around) => {
    for (const kernel of kernels) expect(tf.getKernel(kernel, 'tensorflow')).toBeDefined();
    const width = shape.at(-1)!;
    const norm = layerNorm<tf.Tensor>({ width });
    const f = ([x, scale, offset]: tf.Tensor[]) => {
      const apply = (x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) =>
        norm.apply({ scale, offset } as never, x);
      const y = apply(x!, scale!, offset!);
      const weights = tf.cos(tf.reshape(tf.range(0, y.size), y.shape));
      const grads = tf.grads((x, scale, offset) =>
        tf.mean(tf.mul(tf.square(apply(x!, scale!, offset!)), weights)),
      )([x!, scale!, offset!]);
      return [y, ...grads];
    };
    const x = tf.add(tf.randomNormal(shape, 0, 2, 'float32', 1), around);
    const scale = tf.randomNormal([width], 1, 0.2, 'float32', 2);
    const offset = tf.randomNormal([width], 0, 1, 'float32', 3);
    await agree(kernels, f, [x, scale, offset], { rtol: 1e-4, atol: 2e-5 });
  });

  it('of a width that fills no registers is the composite one', () => {
    const norm = layerNorm({ width: 6 });
    expectClose(norm.apply(norm.init(key(0)), tf.tensor2d([[1, 2, 3, 4, 5, 6]])), [
      [-1.46385, -0.87831, -0.29277, 0.29277, 0.87831, 1.46385],
    ]);
  });
});

describe('attention', () => {
  const kernels = [ATTENTION, ATTENTION_GRADIENT];

  /** Every third may not be seen; of the last example (or its last query) nothing may. */
  const maskOf = (shape: readonly number[]): AttentionMask => {
    const memory = shape.at(-1)!;
    const rows = shape.slice(0, -1).reduce((a, b) => a * b, 1);
    const values = Array.from({ length: rows * memory }, (_, i) =>
      i % 3 === 0 || i >= (rows - 1) * memory ? 0 : 1,
    );
    return tf.tensor(values, [...shape] as [number, number]) as AttentionMask;
  };

  it.each<[string, number, number, number, number, number, (readonly number[])?]>([
    ['one head', 2, 3, 5, 16, 1],
    ['a mask of the memory', 3, 4, 5, 64, 4, [3, 5]],
    ['a mask of each query', 2, 7, 19, 96, 2, [2, 7, 19]],
    ['so much that threads share it', 8, 33, 70, 128, 4, [8, 70]],
    ['a causal mask', 2, 16, 16, 32, 2, [2, 16, 16]],
  ])('with %s agrees with the composite one', async (...given) => {
    for (const kernel of kernels) expect(tf.getKernel(kernel, 'tensorflow')).toBeDefined();
    const [, batch, queries, memory, width, heads, shape] = given;
    const mask = shape && maskOf(shape);
    const attention = multiHeadAttention({ width, heads });
    const params = attention.init(key(3));
    const f = ([query, memory]: tf.Tensor[]) => {
      const apply = (query: tf.Tensor, memory: tf.Tensor) =>
        attention.apply(params, { query, memory, mask } as never);
      const y = apply(query!, memory!);
      const weights = tf.cos(tf.reshape(tf.range(0, y.size), y.shape));
      const grads = tf.grads((query, memory) => tf.sum(tf.mul(apply(query!, memory!), weights)))([
        query!,
        memory!,
      ]);
      return [y, ...grads];
    };
    const x = tf.randomNormal([batch, queries, width], 0, 2, 'float32', 1);
    const m = tf.randomNormal([batch, memory, width], 0, 2, 'float32', 2);
    await agree(kernels, f, [x, m], { rtol: 1e-4, atol: 2e-5 });
  });

  it('shows that a number is none', () => {
    const attention = multiHeadAttention({ width: 32, heads: 2 });
    const memory = tf.fill([1, 3, 32], Number.NaN) as tf.Tensor3D;
    const y = attention.apply(attention.init(key(0)), { query: tf.ones([1, 2, 32]), memory });
    expect([...y.dataSync()].every(Number.isNaN)).toBe(true);
  });
});

describe('GELU', () => {
  const kernels = [GELU, GELU_GRADIENT];

  it.each([
    ['exact', geluExact, [3, 7]],
    ['by a tanh', geluTanh, [3, 7]],
    ['exact', geluExact, [301, 257]],
    ['by a tanh', geluTanh, [301, 257]],
  ] as const)('%s agrees with the composite one (case %#)', async (_, gelu, shape) => {
    for (const kernel of kernels) expect(tf.getKernel(kernel, 'tensorflow')).toBeDefined();
    const f = ([x]: tf.Tensor[]) => [gelu(x!), tf.grad((x) => tf.sum(tf.square(gelu(x))))(x!)];
    const x = tf.randomNormal([...shape], 0, 4, 'float32', 1);
    await agree(kernels, f, [x], { rtol: 1e-5, atol: 2e-6 });
  });

  it('is x, 0 or NaN at the ends', () => {
    const x = tf.tensor1d([-1e30, -20, 20, 1e30, Number.NaN]);
    for (const gelu of [geluExact, geluTanh]) {
      const [low, some, same, high, none] = gelu(x).dataSync();
      const nothing = expect.closeTo(0, 6);
      expect([low, some, same, none]).toEqual([nothing, nothing, 20, Number.NaN]);
      expect(high! / 1e30).toBeCloseTo(1, 6);
    }
  });
});

describe('softmax cross-entropy', () => {
  it.each([0, 0.1])('with smoothing %f agrees with the composite one', async (labelSmoothing) => {
    const x = tf.tensor2d([
      [1, 2, 3],
      [1e4, -1e4, 0],
      [-1e4, 1e4, 1e4],
      [0, 0, 0],
      [-80, 90, 1e-3],
      [1, 2, 3],
    ]);
    // The last is no class.
    const labels = tf.tensor1d([2, 1, 0, 0, 1, 5], 'int32');
    const f = ([x, labels]: tf.Tensor[]) => {
      const loss = (x: tf.Tensor) =>
        crossEntropy(x as tf.Tensor2D, labels as tf.Tensor1D, {
          labelSmoothing,
          weight: tf.tensor1d([1, 2, 3, 0, 1, 1]),
        });
      return [loss(x!), tf.grad(loss)(x!)];
    };
    await agree([SOFTMAX_CROSS_ENTROPY], f, [x, labels], {});
  });

  it('takes probabilities that do not sum to 1', async () => {
    const x = tf.tensor2d([[1, 2, 3]]);
    const target = tf.tensor2d([[0.5, 0.25, 0]]);
    const f = ([x, target]: tf.Tensor[]) => [
      tf.grad((x) => crossEntropy(x as tf.Tensor2D, target as tf.Tensor2D))(x!),
    ];
    await agree([SOFTMAX_CROSS_ENTROPY], f, [x, target], {});
  });
});
