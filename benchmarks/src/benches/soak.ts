import { cnn } from '@chainrule/encoders-image';
import { lstm } from '@chainrule/encoders-text';
import { product } from '@chainrule/fusion';
import { adamw, cosine, partition } from '@chainrule/optim';
import {
  type Batch,
  ChainruleError,
  foldIn,
  isTrainable,
  key,
  mlp,
  type Params,
  split,
  uniform,
} from '@chainrule/tensor';
import { classification, multimodal, trainStep } from '@chainrule/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { executorOf } from '../executors.js';
import { print, say, statistics, table } from '../harness.js';
import type { Bench, BenchOptions } from './bench.js';

/** Growth of the resident size over the second half that is put down to the allocator, in MB. */
const ALLOWANCE = 8;

/** Runs compiled steps for long and looks at what piles up. */
export const soak: Bench = {
  summary: '10,000 compiled steps: tensors and resident size must stay flat',
  async run(options: BenchOptions) {
    const steps = options.steps ?? 10_000;
    const executor = await executorOf('compiled');
    const { model, batches } = problem();
    const optimizer = adamw({ learningRate: cosine({ peak: 1e-3, steps }) });
    const params = model.init(key(0)) as Params;
    const execution = executor.prepare(trainStep(model as never, classification(), optimizer), {
      params,
      optimizer: optimizer.init(partition(params, isTrainable)[0]),
    });

    const ms: number[] = [];
    const samples: { step: number; tensors: number; residentMb: number }[] = [];
    const every = Math.max(1, Math.floor(steps / 20));
    for (let i = 0; i < steps; i++) {
      const began = performance.now();
      await execution.run(batches[i % batches.length]!, foldIn(key(1), i));
      ms.push(performance.now() - began);
      if ((i + 1) % every !== 0) continue;
      const residentMb = process.memoryUsage.rss() / 2 ** 20;
      samples.push({ step: i + 1, tensors: tf.memory().numTensors, residentMb });
      say(`step ${i + 1} of ${steps}`);
    }

    print(
      table(
        ['step', 'tensors', 'resident MB'],
        samples.map((s) => [`${s.step}`, `${s.tensors}`, s.residentMb.toFixed(1)]),
      ),
    );
    const ours = statistics(ms);
    print(`\n${ours.median} ms a step (at best ${ours.min})`);
    if (options.json) {
      print(JSON.stringify({ bench: 'soak', ours, peers: {}, ratio: null, samples }));
    }
    judge(samples);
  },
};

function judge(samples: readonly { tensors: number; residentMb: number }[]): void {
  const second = samples.slice(Math.floor(samples.length / 2));
  const [first, last] = [second[0]!, second.at(-1)!];
  if (samples[0]!.tensors !== last.tensors) {
    throw new ChainruleError(
      'BENCH_LEAK',
      `soak: tensors are leaked, there were ${samples[0]!.tensors} and are ${last.tensors}`,
    );
  }
  if (last.residentMb - first.residentMb > ALLOWANCE) {
    throw new ChainruleError(
      'BENCH_LEAK',
      `soak: the resident size grew from ${first.residentMb.toFixed(1)} to ${last.residentMb.toFixed(1)} MB in the second half`,
    );
  }
}

/** A small model with all that npm start's has, and dropout, on batches of two shapes. */
function problem() {
  const model = multimodal({
    encoders: {
      image: cnn({
        size: [16, 16],
        blocks: [{ filters: 8, pool: 2 }],
        width: 32,
        augment: ['flip'],
      }),
      text: lstm({ vocabulary: 20, embedding: 16, width: 32 }),
    },
    fusion: product,
    head: (width) => mlp({ in: width, hidden: [32], out: 13, dropout: 0.1 }),
  });
  const integers = (name: string, shape: number[], below: number) =>
    tf.tidy(() => tf.cast(tf.mul(uniform(split(key(2), name), shape as never), below), 'int32'));
  const batches = [32, 48].map(
    (examples): Batch => ({
      inputs: {
        image: uniform(split(key(2), 'image'), [8, 16, 16, 3]),
        text: integers('text', [16, 8], 20),
      },
      rows: {
        image: integers('imageRows', [examples], 8) as tf.Tensor1D,
        text: integers('textRows', [examples], 16) as tf.Tensor1D,
      },
      target: integers('target', [examples], 13),
      weight: tf.ones([examples]),
    }),
  );
  return { model, batches };
}
