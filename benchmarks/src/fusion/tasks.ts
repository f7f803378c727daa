import { xorOfModalities } from '@chainrule/data';
import { easyVqa } from '@chainrule/data/node';
import { cnn, small } from '@chainrule/encoders-image';
import { bagOfWords, lstm } from '@chainrule/encoders-text';
import { adamw, oneCycle } from '@chainrule/optim';
import { type Encoder, mlp } from '@chainrule/tensor';
import { multimodal } from '@chainrule/trainer';
import { clevrTask, shared } from './clevr.js';
import type { Task } from './task.js';

/** How much of each task a run takes. */
export interface Budget {
  readonly epochs: { readonly [K in TaskName]: number };
  /** Pictures of Sort-of-CLEVR to train on. */
  readonly clevrImages: number;
}
export type TaskName = 'xor' | 'vqa' | 'clevr';

export const full: Budget = { epochs: { xor: 12, vqa: 10, clevr: 8 }, clevrImages: 4000 };
export const quick: Budget = { epochs: { xor: 6, vqa: 1, clevr: 1 }, clevrImages: 160 };

/** The three tasks; the seed is that of generated data. */
export async function openTask(name: TaskName, seed: number, budget: Budget): Promise<Task> {
  const open = { xor, vqa, clevr };
  const task = await open[name](seed, budget);
  return { ...task, epochs: budget.epochs[name] };
}

/** Encoders and head are linear: what is not linear must come from the fusion. */
function xor(seed: number): Task {
  const { train, test } = xorOfModalities({ seed });
  const width = 32;
  return {
    ...{ name: 'XOR of modalities', train, test, imageSize: [4, 4], batch: 64, epochs: 0 },
    model: (fusion, { vocabulary }) =>
      multimodal({
        encoders: {
          image: cnn({
            size: [4, 4],
            blocks: [],
            pool: 'flatten',
            width,
            activation: 'linear',
          }) as Encoder,
          text: bagOfWords({ vocabulary, width, activation: 'linear' }) as Encoder,
        },
        fusion,
        head: (z) => mlp({ in: z, out: 2 }),
      }),
    optimizer: (steps) =>
      adamw({ learningRate: oneCycle({ peak: 5e-3, steps }), weightDecay: 1e-4 }),
  };
}

/** The model of `npm start`. */
async function vqa(): Promise<Task> {
  const { train, test, classes } = await easyVqa();
  const width = 128;
  return {
    ...{ name: 'easy-VQA', train, test, imageSize: [64, 64], batch: 64, epochs: 0 },
    model: (fusion, { vocabulary }) =>
      multimodal({
        encoders: {
          image: small({
            width,
            norm: 'batch',
            downsample: 'stride',
            augment: ['flip'],
          }) as Encoder,
          text: lstm({ vocabulary, embedding: 32, width }) as Encoder,
        },
        fusion,
        head: (z) => mlp({ in: z, hidden: [width], out: classes.length }),
      }),
    optimizer: (steps) =>
      adamw({ learningRate: oneCycle({ peak: 3e-3, steps }), weightDecay: 1e-4 }),
  };
}

/** Fewer pictures than the real task has. */
function clevr(seed: number, { clevrImages: images }: Budget): Task {
  return clevrTask(shared, { seed, images });
}
