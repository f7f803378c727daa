import { product } from '@chainrule/fusion';
import { adam } from '@chainrule/optim';
import {
  type Batch,
  dense,
  type Encoder,
  key,
  mlp,
  permutation,
  split,
  uniformArray,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { type Batches, classification, multimodal } from '../src/index.js';

/** The smallest encoder: one dense layer on numbers, `[batch, input]` → `[batch, width]`. */
export function numbers(input: number, width: number): Encoder<tf.Tensor2D> {
  const layer = dense({ in: input, out: width, activation: 'tanh' });
  return {
    config: { type: 'numbers', in: input, out: width },
    width,
    init: layer.init,
    apply: (params, x) => ({ vector: layer.apply(params as never, x) }),
  };
}

/**
 * Two modalities, one number each; the class is whether their signs agree. Neither number alone
 * says anything.
 */
export function xorData(options: { size?: number; batchSize?: number; seed?: number } = {}) {
  const { size = 64, batchSize = 16, seed = 0 } = options;
  const draw = (name: string) => uniformArray(split(key(seed), name), size).map((x) => 2 * x - 1);
  const [a, b] = [draw('a'), draw('b')];
  const pick = (values: Float32Array, order: readonly number[]) =>
    tf.tensor2d(
      order.map((i) => values[i]!, 0),
      [order.length, 1],
    );
  const batches: Batches = {
    size,
    stepsPerEpoch: Math.ceil(size / batchSize),
    *epoch(n) {
      const order = [...permutation(split(key(seed), `epoch ${n}`), size)];
      for (let start = 0; start < size; start += batchSize) {
        const rows = order.slice(start, start + batchSize);
        const batch: Batch = {
          inputs: { a: pick(a, rows), b: pick(b, rows) },
          target: tf.tensor1d(
            rows.map((i) => Number(a[i]! * b[i]! > 0)),
            'int32',
          ),
        };
        yield batch;
      }
    },
  };
  return batches;
}

export const xorModel = () =>
  multimodal({
    encoders: { a: numbers(1, 8), b: numbers(1, 8) },
    fusion: product,
    head: (width) => mlp({ in: width, out: 2 }),
  });

/** Options for `train` that learn the data above in 20 epochs. */
export const xorOptions = () => ({
  model: xorModel(),
  objective: classification(),
  optimizer: adam({ learningRate: 0.05 }),
  data: xorData(),
  epochs: 20,
});
