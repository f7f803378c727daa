import { crossEntropy, SOFTMAX_CROSS_ENTROPY } from '@chainrule/losses';
import {
  batchNorm,
  FUSED_BATCH_NORM,
  FUSED_BATCH_NORM_GRADIENT,
  key,
  type Tree,
} from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, it } from 'vitest';
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
