import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { dataset, disposeBatch, type LoaderOptions, loader } from '../src/index.js';
import { grey, greys, messageOf } from './support.js';

beforeAll(() => tf.setBackend('cpu'));

// The tokenizer gives a word its length: the captions of picture i have 1, 2 … 5 letters.
const captions = ['a', 'aa', 'aaa', 'aaaa', 'aaaaa'];
const pictures = dataset({
  name: 'pictures',
  examples: greys(40).map((image) => ({
    inputs: { image, text: 'aaaaaa' },
    captions,
    label: 'same',
  })),
});

async function lettersOf(options: Partial<LoaderOptions>, epoch: number): Promise<number[]> {
  const batches = loader(pictures, { ...grey, batchSize: 40, shuffle: false, ...options });
  const letters: number[] = [];
  for await (const batch of batches.epoch(epoch)) {
    const ids = (await batch.inputs.text!.array()) as number[][];
    letters.push(...(await batch.rows.text!.array()).map((row) => ids[row]![0]!));
    disposeBatch(batch);
  }
  return letters;
}

describe('captions', () => {
  it('are drawn anew in every epoch, decided by the seed, each about equally often', async () => {
    const epochs = [];
    for (let epoch = 0; epoch < 25; epoch++) {
      epochs.push(await lettersOf({ captions: 'sample' }, epoch));
    }
    expect(new Set(epochs.map(String)).size).toBe(25);
    expect(await lettersOf({ captions: 'sample' }, 3)).toEqual(epochs[3]);
    expect(await lettersOf({ captions: 'sample', seed: 1 }, 3)).not.toEqual(epochs[3]);
    for (let letters = 1; letters <= 5; letters++) {
      const drawn = epochs.flat().filter((count) => count === letters).length;
      // 200 of 1,000 are expected, with a deviation of 13.
      expect(Math.abs(drawn - 200)).toBeLessThan(50);
    }
  });

  it('leave the text alone where they are not asked for', async () => {
    expect(new Set(await lettersOf({}, 0))).toEqual(new Set([6]));
  });

  it('can not be drawn where batches are made by text, or none is there', async () => {
    expect(await messageOf(() => lettersOf({ captions: 'sample', groupBy: 'text' }, 0))).toContain(
      'captions "sample" needs data with texts that is not grouped by text',
    );
    const [example] = pictures.examples;
    const none = { name: 'none', examples: [{ ...example!, captions: [] }] };
    expect(await messageOf(() => dataset(none))).toContain('has an empty list of captions');
    const blank = { name: 'blank', examples: [{ ...example!, captions: ['a', ' \t'] }] };
    expect(await messageOf(() => dataset(blank))).toContain('has an empty caption at place 1');
  });
});
