// Runs in a worker of a page: trains npm start's model on easy-VQA.
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import { type UseWebOptions, useWeb } from '@chainrule/backend-web';
import { type Dataset, dataset, disposeBatch, pixelImage } from '@chainrule/data';
import { eager, foldIn, key, tidy } from '@chainrule/tensor';
import { train, trainState, trainStep } from '@chainrule/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { prepare } from '../../../packages/cli/dist/prepare.js';
import { recipe } from '../../../packages/cli/dist/recipe.js';
import { answer, say } from '../../../scripts/lib/worker.mjs';

const SIZE = 64;
/** Of the steps of one backend, in ms. */
const LIMIT = 120_000;

interface Questions {
  readonly classes: readonly string[];
  readonly train: readonly (readonly [text: string, label: string, image: string])[];
  readonly test: Questions['train'];
}

async function open() {
  const questions: Questions = await (await fetch('/questions.json')).json();
  const part = async (name: 'train' | 'test'): Promise<Dataset> => {
    const bytes = new Uint8Array(await (await fetch(`/${name}.u8`)).arrayBuffer());
    const length = SIZE * SIZE * 3;
    const images = Array.from({ length: bytes.length / length }, (_, i) =>
      pixelImage(`${name}/${i}`, bytes.subarray(i * length, (i + 1) * length), [SIZE, SIZE, 3]),
    );
    return dataset({
      name,
      classes: questions.classes,
      examples: questions[name].map(([text, label, image]) => ({
        inputs: { image: images[Number(image.split('/')[1])]!, text },
        label,
      })),
    });
  };
  const task = { name: 'easy-vqa', train: await part('train'), test: await part('test') };
  const batches = prepare({ ...task, source: '' }, { seed: 0, imageSize: SIZE });
  const vocabulary = batches.tokenizer?.vocabulary.length;
  const parts = recipe(task.train, { fusion: 'product', vocabulary, imageSize: SIZE });
  return { ...batches, ...parts, batches: batches.train };
}

/** Milliseconds of each kernel in a step, the slowest first. */
function timeKernels(backend: string) {
  const times = new Map<string, number>();
  let depth = 0;
  for (const kernel of tf.getKernelsForBackend(backend)) {
    tf.unregisterKernel(kernel.kernelName, backend);
    tf.registerKernel({
      ...kernel,
      kernelFunc(args) {
        depth++;
        const began = performance.now();
        try {
          return kernel.kernelFunc(args);
        } finally {
          depth--;
          if (depth === 0) {
            const sum = times.get(kernel.kernelName) ?? 0;
            times.set(kernel.kernelName, sum + performance.now() - began);
          }
        }
      },
    });
  }
  return times;
}

answer({
  start: (options: UseWebOptions) => useWeb(options),

  /** A backend as tfjs has it. */
  async stock(name: string) {
    if (name === 'wasm') {
      const wasm = await import('@tensorflow/tfjs-backend-wasm');
      wasm.setWasmPaths('/wasm/');
    } else if (name === 'webgl') await import('@tensorflow/tfjs-backend-webgl');
    else await import('@tensorflow/tfjs-backend-webgpu');
    if (!(await tf.setBackend(name))) throw new Error('it does not start');
  },

  /** Milliseconds of each step after the first two, and of each kernel; for two minutes at most. */
  async steps(count: number, profiled: boolean) {
    const { model, objective, optimizer, batches } = await open();
    const transformation = optimizer(1000);
    const execution = eager().prepare(
      trainStep(model, objective, transformation),
      tidy(() => trainState(model.init(key(0)), transformation)),
    );
    const kernels = profiled ? timeKernels(tf.getBackend()) : new Map<string, number>();
    const ms: number[] = [];
    const losses: number[] = [];
    let done = 0;
    const start = performance.now();
    for await (const { indices: _, ...batch } of batches.epoch(0)) {
      if (done === 2) kernels.clear();
      const began = performance.now();
      const { loss } = await execution.run(batch, foldIn(key(1), done));
      if (done >= 2 || performance.now() - start > LIMIT) ms.push(performance.now() - began);
      losses.push(loss!);
      disposeBatch(batch);
      done += 1;
      if (done >= count + 2 || performance.now() - start > LIMIT) break;
    }
    execution.dispose();
    const slowest = [...kernels].sort(([, a], [, b]) => b - a).slice(0, 16);
    return { ms, losses, kernels: slowest.map(([name, sum]) => [name, sum / ms.length]) };
  },

  /** Trains until the test accuracy is reached, or the epochs are over. */
  async train({ accuracy, epochs, every }: { accuracy: number; epochs: number; every: number }) {
    const { model, objective, optimizer, batches, test } = await open();
    const began = performance.now();
    const curve: { epoch: number; seconds: number; loss: number; accuracy: number }[] = [];
    const steps = epochs * batches.stepsPerEpoch;
    const run = train({
      model,
      objective,
      optimizer: optimizer(steps),
      data: batches,
      validation: test,
      epochs,
    });
    for await (const event of run) {
      if (event.type === 'step' && event.step % every === 0) {
        const seconds = (performance.now() - began) / 1000;
        say(`step ${event.step}, ${seconds.toFixed(0)} s, loss ${event.measures.loss.toFixed(3)}`);
      }
      if (event.type !== 'epoch') continue;
      const seconds = (performance.now() - began) / 1000;
      const { loss } = event.train;
      const reached = event.validation!.accuracy!;
      curve.push({ epoch: event.epoch, seconds, loss, accuracy: reached });
      say(
        `epoch ${event.epoch}, ${seconds.toFixed(0)} s, loss ${loss.toFixed(3)}, ` +
          `test accuracy ${(100 * reached).toFixed(1)} %`,
      );
      if (reached >= accuracy) break;
    }
    return curve;
  },
});
