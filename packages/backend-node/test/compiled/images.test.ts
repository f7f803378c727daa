import { disposeBatch, loader, sortOfClevr } from '@chainrule/data';
import { augment, cnn } from '@chainrule/encoders-image';
import { fitWordTokenizer } from '@chainrule/encoders-text';
import { key, uniform } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';
import { reachable } from '../../src/compiled/graph.js';
import { flippedScales } from '../../src/compiled/images.js';
import { compiled } from '../../src/compiled/index.js';
import { nativeBackend } from '../../src/compiled/native.js';
import { type AnyStep, record } from '../../src/compiled/recorder.js';

beforeAll(async () => {
  await import('@tensorflow/tfjs');
  await useNative();
});

const { train } = sortOfClevr({ seed: 1, images: { train: 8, test: 1 } });
const tokenizer = fitWordTokenizer(train.examples.map(({ inputs }) => inputs.text!));

/** The pictures of the first batch with the present backend. */
async function pictures(batchSize: number, size: number): Promise<Float32Array> {
  const options = { batchSize, groupBy: 'image', imageSize: [size, size], tokenizer } as const;
  for await (const batch of loader(train, options).epoch(0)) {
    expect(batch.inputs.image!.shape).toEqual([batchSize, size, size, 3]);
    const values = batch.inputs.image!.dataSync();
    disposeBatch(batch);
    return values as Float32Array;
  }
  throw new Error('no batch');
}

describe('bytes of pictures in one pass', () => {
  afterEach(() => tf.setBackend('tensorflow'));

  it.each([
    ['rows that do not fill integers', 8, 75, 75],
    ['a number of bytes that does not', 1, 75, 75],
  ])('gives the very numbers of plain operations: %s', async (_, batchSize, size) => {
    expect(tf.getKernel('Pixels', 'tensorflow')).toBeDefined();
    const before = tf.memory().numTensors;
    const native = await pictures(batchSize, size);
    expect(tf.memory().numTensors).toBe(before);
    await tf.setBackend('cpu');
    const plain = await pictures(batchSize, size);
    expect(native.length).toBe(batchSize * size * size * 3);
    expect(new Set(native).size).toBeGreaterThan(3);
    expect(native).toEqual(plain);
  });
});

describe('flips and scaled pixels in one pass', () => {
  afterEach(() => tf.setBackend('tensorflow'));

  it.each([1, 3, 4])(
    'gives the very numbers of plain operations: %i channels',
    async (channels) => {
      expect(tf.getKernel('Flip', 'tensorflow')).toBeDefined();
      /** Pictures flipped, centred and through a linear layer, and the gradient for the pictures. */
      const numbers = () =>
        tf.tidy(() => {
          const images = uniform<tf.Rank.R4>(key(1), [40, 9, 33, channels]);
          const std = [0.5, 0.25, 2, 4].slice(0, channels);
          const pixels = channels === 3 ? 'centered' : { mean: 0.4, std };
          const size = [9, 33] as const;
          const encoder = cnn({ size, channels, blocks: [], pool: 'flatten', width: 4, pixels });
          const params = encoder.init(key(2));
          const run = (x: tf.Tensor4D) =>
            encoder.apply(params, augment(x, ['flip'], key(3))).vector;
          return [
            augment(images, ['flip'], key(3)),
            run(images),
            tf.grad((x) => tf.sum(tf.square(run(x as tf.Tensor4D))))(images),
          ].map((tensor) => tensor.arraySync());
        });
      const native = numbers();
      await tf.setBackend('cpu');
      const plain = numbers();
      expect(native[0]).toEqual(plain[0]);
      for (const i of [1, 2]) {
        expectClose(tf.tensor(native[i] as number[]), plain[i] as number[], {
          rtol: 1e-4,
          atol: 1e-4,
        });
      }
    },
  );

  it.each([1, 3, 4])('does both at once in a compiled step: %i channels', async (channels) => {
    const images = uniform<tf.Rank.R4>(key(1), [40, 9, 33, channels]);
    const pixels = { mean: 0.4, std: [0.5, 0.25, 2, 4].slice(0, channels) };
    const options = { size: [9, 33] as const, channels, pixels, width: 4 };
    const encoder = cnn({ ...options, blocks: [], pool: 'flatten' });
    const params = encoder.init(key(2));
    const step = (state: { y: tf.Tensor }, { x }: { x: tf.Tensor4D }) => ({
      state: { y: encoder.apply(params, augment(x, ['flip'], key(3))).vector },
      metrics: { before: tf.sum(state.y) as tf.Scalar },
    });
    const state = { y: tf.zeros([40, 4]) };
    const { graph } = record(
      nativeBackend(),
      step as unknown as AnyStep,
      state,
      { x: images },
      key(0),
    );
    const roots = [...flippedScales(graph).state.values()].map(({ node }) => node);
    const operations = reachable(roots).map(({ op }) => op);
    expect(operations).toContain('ChainruleFlipScale');
    expect(operations).not.toContain('ChainruleScale');
    const expected = step(state, { x: images }).state.y;
    const execution = compiled().prepare(step, state);
    await execution.run({ x: images }, key(0));
    expectClose((await execution.read()).y, expected, { rtol: 1e-5, atol: 1e-5 });
    execution.dispose();
  });
});
