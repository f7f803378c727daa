import { cnn } from '@chainrule/encoders-image';
import { vectorLstm } from '@chainrule/encoders-text';
import { sum } from '@chainrule/fusion';
import { meanSquaredError } from '@chainrule/losses';
import { adam, partition } from '@chainrule/optim';
import {
  countParams,
  isTrainable,
  key,
  type Module,
  type Params,
  split,
  uniform,
} from '@chainrule/tensor';
import { multimodal, type Objective, trainStep } from '@chainrule/trainer';
import type * as tf from '@tensorflow/tfjs-core';
import type { Workload } from '../workload.js';

export interface StepOptions {
  readonly batch?: number;
  /** Of the convolution; almost all parameters stand behind it, 492,033 a filter. */
  readonly filters?: number;
}

/** The fused vector is the output. */
const identity: Module<tf.Tensor2D, tf.Tensor2D> = {
  config: { type: 'identity' },
  init: () => ({}),
  apply: (_params, z) => z,
};

const objective: Objective<tf.Tensor2D> = {
  config: { type: 'meanSquaredError' },
  measure: (output, target, weight) => ({ loss: meanSquaredError(output, target, { weight }) }),
};

/**
 * The article's training step: image [batch, 64, 64, 3] → 32 filters of 3×3 with ReLU, not padded →
 * flatten → dense 128 with ReLU; text [batch, 16, 128] → LSTM 128 with ReLU; z = x + y; mean squared
 * error to a target; Adam.
 */
export function step({ batch = 32, filters = 32 }: StepOptions = {}): Workload {
  const model = multimodal({
    encoders: {
      image: cnn({
        pixels: 'none',
        blocks: [{ filters, kernel: 3, padding: 'valid' }],
        pool: 'flatten',
      }),
      text: vectorLstm({ in: 128, width: 128, activation: 'relu' }),
    },
    fusion: sum,
    head: () => identity,
  });
  const seed = key(0);
  const makeParams = () => model.init(split(seed, 'params'));
  const makeBatch = () => ({
    inputs: {
      image: uniform(split(seed, 'image'), [batch, 64, 64, 3]),
      text: uniform(split(seed, 'text'), [batch, 16, 128]),
    },
    target: uniform(split(seed, 'target'), [batch, 128]),
  });
  return {
    data: () => ({ tensors: { params: makeParams(), batch: makeBatch() } }),
    prepare(executor) {
      const params = makeParams();
      const optimizer = adam({ learningRate: 1e-3 });
      const execution = executor.prepare(trainStep(model as never, objective, optimizer), {
        params: params as Params,
        optimizer: optimizer.init(partition(params, isTrainable)[0]),
      });
      const data = makeBatch();
      const run = async () => (await execution.run(data, seed)).loss;
      return {
        parameters: countParams(params),
        step: run,
        checks: async (loss) => ({ 'first loss': loss, 'second loss': await run() }),
      };
    },
  };
}
