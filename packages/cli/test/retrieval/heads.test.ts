import { useNative } from '@chainrule/backend-node/backend';
import { retrievalReport } from '@chainrule/retrieval';
import { disposeTree, key, normalArray, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { projected, type Recipe, trainHeads } from '../../src/retrieval/heads.js';
import { type Pair, pairBatches } from '../../src/retrieval/pairs.js';

beforeAll(() => useNative({ training: true }));

const recipe: Recipe = {
  width: 8,
  image: { hidden: [32] },
  text: false,
  scale: 10,
  maxScale: 50,
  epochs: 60,
  batchSize: 16,
  learningRate: 5e-3,
  weightDecay: 0,
  names: 0.5,
  icons: false,
};

/** 32 things: the text is a code of 8 numbers, the picture a linear map of it, far from 0. */
const pairs = Array.from({ length: 32 }, (_, concept): Pair => {
  const code = normalArray(split(key(1), concept), 8);
  const map = normalArray(key(2), 8 * 12);
  const view = Float32Array.from({ length: 12 }, (_, i) => {
    const value = code.reduce((sum, x, j) => sum + x * map[i * 8 + j]!, 0);
    return 100 + 5 * value;
  });
  return { views: [view], texts: [code], concept };
});

it('learns to find by text, and takes rows as they are', async () => {
  const before = tf.memory().numTensors;
  const signal = new AbortController().signal;
  const heads = await trainHeads(pairs, recipe, { seed: 0, signal, onEvent: () => {} });
  const images = await projected(
    heads,
    'image',
    pairs.map(({ views }) => views[0]!),
  );
  const texts = await projected(
    heads,
    'text',
    pairs.map(({ texts }) => texts[0]!),
  );
  expect(Math.hypot(...images[0]!)).toBeCloseTo(1, 5);
  const { textToImage } = await retrievalReport(images, texts);
  expect(textToImage.recall[1]).toBeGreaterThan(0.9);
  disposeTree(heads.params as never);
  expect(tf.memory().numTensors).toBe(before);
});

it('stops with the signal', async () => {
  const controller = new AbortController();
  const run = trainHeads(pairs, recipe, {
    seed: 0,
    signal: controller.signal,
    onEvent: ({ type }) => type === 'epoch' && controller.abort(),
  });
  await expect(run).rejects.toThrow(/abort/i);
});

it('draws each pair once an epoch, the same way for the same seed', async () => {
  const drawn = async (seed: number, epoch: number) => {
    const targets: number[] = [];
    for await (const batch of pairBatches(pairs, { batchSize: 8, names: 1, seed }).epoch(epoch)) {
      targets.push(...(await (batch.target as tf.Tensor).data()));
      disposeTree(batch.inputs as never);
      disposeTree(batch.target as never);
    }
    return targets;
  };
  const first = await drawn(0, 0);
  expect([...first].sort((a, b) => a - b)).toEqual(pairs.map(({ concept }) => concept));
  expect(await drawn(0, 0)).toEqual(first);
  expect(await drawn(0, 1)).not.toEqual(first);
  expect(await drawn(1, 0)).not.toEqual(first);
});
