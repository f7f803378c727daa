import { adamw, chain, clipByGlobalNorm, kernelsOnly, oneCycle } from '@chainrule/optim';
import { type Batch, disposeTree } from '@chainrule/tensor';
import {
  type Batches,
  finish,
  type Multimodal,
  type MultimodalParams,
  type Objective,
  train,
} from '@chainrule/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { say } from '../harness.js';

/** A batch that knows which examples its first rows are. */
export interface IndexedBatch extends Batch<tf.Tensor> {
  readonly indices: readonly number[];
}

interface FitOptions {
  readonly name: string;
  readonly model: Multimodal;
  readonly objective: Objective;
  readonly train: Batches;
  /** In any order: its batches say which examples they hold. */
  readonly test: { epoch(n: number): AsyncIterable<IndexedBatch> | Iterable<IndexedBatch> };
  readonly epochs: number;
  readonly peak: number;
  readonly weightDecay: number;
  readonly seed: number;
}

/** Trains, and gives what the model puts out for each example of the test. */
export async function fit(options: FitOptions): Promise<Float32Array[]> {
  const { name, model, objective, train: data, epochs, peak, weightDecay, seed } = options;
  const { params, seconds } = await finish(
    train({
      ...{ model, objective, data, epochs, seed, keep: 'last' },
      optimizer: chain(
        clipByGlobalNorm({ maxNorm: 1 }),
        adamw({
          learningRate: oneCycle({ peak, steps: epochs * data.stepsPerEpoch }),
          weightDecay,
          mask: kernelsOnly,
        }),
      ),
    }),
    (event) => {
      if (event.type !== 'epoch' || event.epoch < epochs) return;
      const { loss, accuracy } = event.train as { loss: number; accuracy: number };
      say(
        `${name}: ${epochs} epochs, training loss ${loss.toFixed(3)}, accuracy ${accuracy.toFixed(3)}`,
      );
    },
  );
  const all: Float32Array[] = [];
  for await (const batch of options.test.epoch(0)) {
    const output = tf.tidy(() => model.apply(params as MultimodalParams, batch));
    const values = await output.data<'float32'>();
    const width = output.shape[1];
    batch.indices.forEach((index, i) => {
      all[index] = values.slice(i * width, (i + 1) * width);
    });
    tf.dispose([output, batch.inputs, batch.rows!, batch.target, batch.weight!]);
  }
  disposeTree(params as never);
  say(`${name}: ${seconds.toFixed(0)} s`);
  return all;
}

/** The place of the largest number. */
export function largest(values: Float32Array): number {
  return values.reduce((best, x, i) => (x > values[best]! ? i : best), 0);
}
