import { type Executor, eager, foldIn, key, mlp, type Step, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';
import { compiled } from '../../src/compiled/index.js';

const model = mlp({ in: 8, hidden: [16], out: 4, dropout: 0.25 });

type State = {
  params: ReturnType<typeof model.init>;
};

const step: Step<never, { x: tf.Tensor2D; y: tf.Tensor2D }, { loss: tf.Scalar }> = (
  state: State,
  batch,
  k,
) => {
  const leaves = [
    state.params.layers[0].kernel,
    state.params.layers[0].bias,
    state.params.layers[1].kernel,
    state.params.layers[1].bias,
  ] as tf.Tensor[];
  const { value, grads } = tf
    .engine()
    .gradients(
      () =>
        tf.mean(
          tf.square(
            tf.sub(
              model.apply(state.params, batch.x, { training: true, key: split(k, 'm') }),
              batch.y,
            ),
          ),
        ) as tf.Scalar,
      leaves,
    );
  const [k0, b0, k1, b1] = leaves.map((leaf, i) => tf.sub(leaf, tf.mul(grads[i]!, 0.05)));
  return {
    state: {
      params: {
        layers: [
          { kernel: k0, bias: b0 },
          { kernel: k1, bias: b1 },
        ],
      },
    },
    metrics: { loss: value },
  } as never;
};

async function losses(executor: Executor, steps: number): Promise<number[]> {
  const execution = executor.prepare(step, { params: model.init(key(1)) } as never);
  const x = tf.randomNormal([32, 8], 0, 1, 'float32', 1) as tf.Tensor2D;
  const y = tf.randomNormal([32, 4], 0, 1, 'float32', 2) as tf.Tensor2D;
  const out: number[] = [];
  for (let i = 0; i < steps; i++) out.push((await execution.run({ x, y }, foldIn(key(3), i))).loss);
  execution.dispose();
  return out;
}

beforeAll(async () => {
  expect((await useNative()).name).toBe('tensorflow');
});

describe('compiled', () => {
  it('agrees with eager', async () => {
    const a = await losses(eager(), 20);
    const b = await losses(compiled(), 20);
    console.log(a.slice(-3), b.slice(-3));
    b.forEach((loss, i) => expect(Math.abs(loss / a[i]! - 1)).toBeLessThan(1e-4));
  });
});
