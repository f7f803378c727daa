import { disposeBatch, loader, sortOfClevr } from '@chainrule/data';
import { fitWordTokenizer } from '@chainrule/encoders-text';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';

beforeAll(async () => {
  await import('@tensorflow/tfjs');
  await useNative();
});

const { train } = sortOfClevr({ seed: 1, images: { train: 8, test: 1 } });
const tokenizer = fitWordTokenizer(train.examples.map(({ inputs }) => inputs.text!));

/** The pictures of the first batch with the present backend. */
async function pictures(batchSize: number): Promise<Float32Array> {
  const options = { batchSize, groupBy: 'image', imageSize: [75, 75], tokenizer } as const;
  for await (const batch of loader(train, options).epoch(0)) {
    const values = batch.inputs.image!.dataSync();
    disposeBatch(batch);
    return values as Float32Array;
  }
  throw new Error('no batch');
}

describe('bytes of pictures in one pass', () => {
  afterEach(() => tf.setBackend('tensorflow'));

  it.each([
    ['so many that threads share them', 8],
    ['a number of bytes that does not fill integers', 1],
  ])('gives the very numbers of plain operations: %s', async (_, batchSize) => {
    expect(tf.getKernel('Pixels', 'tensorflow')).toBeDefined();
    const before = tf.memory().numTensors;
    const native = await pictures(batchSize);
    expect(tf.memory().numTensors).toBe(before);
    await tf.setBackend('cpu');
    const plain = await pictures(batchSize);
    expect(native.length).toBe(batchSize * 75 * 75 * 3);
    expect(new Set(native).size).toBeGreaterThan(3);
    expect(native).toEqual(plain);
  });
});
