import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type DataBatch,
  dataset,
  disposeBatch,
  type ImageSource,
  type LoaderOptions,
  loader,
} from '../src/index.js';
import { collect, grey, greys, messageOf, questions } from './support.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const held: DataBatch[] = [];
afterEach(() => {
  held.splice(0).forEach(disposeBatch);
});

/** The batches of an epoch, freed after the test. */
async function epoch(count: number, images: number, options: LoaderOptions, n = 0) {
  const batches = await collect(loader(questions(count, images), { ...grey, ...options }).epoch(n));
  held.push(...batches);
  return batches;
}

const order = async (...args: Parameters<typeof epoch>) =>
  (await epoch(...args)).flatMap(({ indices }) => indices);

describe('order', () => {
  it('is the same for the same seed and epoch, and another for another', async () => {
    const first = await order(50, 10, { batchSize: 8, seed: 3 }, 2);
    expect(await order(50, 10, { batchSize: 8, seed: 3 }, 2)).toEqual(first);
    expect(await order(50, 10, { batchSize: 8, seed: 3 }, 1)).not.toEqual(first);
    expect(await order(50, 10, { batchSize: 8, seed: 4 }, 2)).not.toEqual(first);
  });

  it('is the data set’s own without shuffling', async () => {
    const own = Array.from({ length: 50 }, (_, i) => i);
    expect(await order(50, 10, { batchSize: 8, shuffle: false }, 5)).toEqual(own);
  });

  it('shows every example exactly once an epoch, in whole groups', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(undefined, 'image' as const, 'text' as const),
        fc.nat(5),
        async (count, images, batchSize, groupBy, n) => {
          const batches = await epoch(
            count,
            images,
            { batchSize, ...(groupBy && { groupBy }), seed: count },
            n,
          );
          const seen = batches.flatMap(({ indices }) => indices);
          expect([...seen].sort((a, b) => a - b)).toEqual(seen.map((_, i) => i));
          expect(seen).toHaveLength(count);
          const { examples } = questions(count, images);
          if (groupBy === undefined) return;
          const groups = batches.map(
            ({ indices }) =>
              new Set(
                indices.map((i) =>
                  groupBy === 'image' ? examples[i]!.inputs.image!.id : examples[i]!.inputs.text,
                ),
              ),
          );
          for (const group of groups) expect(group.size).toBeLessThanOrEqual(batchSize);
          const total = groups.reduce((sum, group) => sum + group.size, 0);
          expect(new Set(groups.flatMap((group) => [...group])).size).toBe(total);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('drops the last, smaller batch when asked', async () => {
    const data = questions(50, 10);
    const kept = loader(data, { ...grey, batchSize: 8 });
    const dropped = loader(data, { ...grey, batchSize: 8, last: 'drop' });
    expect([kept.size, kept.stepsPerEpoch, dropped.stepsPerEpoch]).toEqual([50, 7, 6]);
    expect(await order(50, 10, { batchSize: 8, last: 'drop' })).toHaveLength(48);
  });
});

describe('batches', () => {
  it('hold each distinct input once, and rows say who uses which', async () => {
    const [batch] = await epoch(6, 2, {
      batchSize: 6,
      shuffle: false,
      padTo: { image: 1, text: 1 },
    });
    expect(batch!.inputs.image!.shape).toEqual([2, 2, 2, 1]);
    expect(await batch!.rows.image!.array()).toEqual([0, 1, 0, 1, 0, 1]);
    expect(await batch!.inputs.text!.array()).toEqual([
      [4, 2, 4, 0],
      [2, 5, 1, 3],
      [3, 0, 0, 0],
    ]);
    expect(batch!.inputs.text!.dtype).toBe('int32');
    expect(await batch!.rows.text!.array()).toEqual([0, 1, 2, 0, 1, 2]);
    expect(batch!.target.dtype).toBe('int32');
    expect(await batch!.target.array()).toEqual([0, 1, 0, 1, 0, 1]);
    const bytes = Float32Array.from([0, 1, 2, 3, 4, 5, 6, 7], (byte) => byte / 255);
    expect(await batch!.inputs.image!.data()).toEqual(bytes);
  });

  it('scale every byte exactly', async () => {
    const { pixelImage } = await import('../src/index.js');
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const data = dataset({
      name: 'ramp',
      examples: [{ inputs: { image: pixelImage('ramp', bytes, [16, 16, 1]) }, target: 0 }],
    });
    const ramp = loader(data, { batchSize: 1, imageSize: [16, 16], channels: 1 });
    held.push(...(await collect(ramp.epoch(0))));
    expect(await held[0]!.inputs.image!.data()).toEqual(Float32Array.from(bytes, (b) => b / 255));
  });

  it('are filled up with weight 0 and with repeats that no example uses', async () => {
    const [batch] = await epoch(5, 3, {
      batchSize: 5,
      shuffle: false,
      padTo: { examples: 4, image: 4, text: 8 },
    });
    expect(await batch!.weight.array()).toEqual([1, 1, 1, 1, 1, 0, 0, 0]);
    expect(batch!.indices).toEqual([0, 1, 2, 3, 4]);
    expect(await batch!.target.array()).toEqual([0, 1, 0, 1, 0, 0, 0, 0]);
    expect(await batch!.rows.image!.array()).toEqual([0, 1, 2, 0, 1, 0, 0, 0]);
    const images = (await batch!.inputs.image!.array()) as unknown[];
    expect(images).toHaveLength(4);
    expect(images[3]).toEqual(images[0]);
    const texts = (await batch!.inputs.text!.array()) as unknown[];
    expect(texts).toHaveLength(8);
    expect(texts.slice(3, 6)).toEqual(texts.slice(0, 3));
  });

  it('have few distinct shapes by default', async () => {
    const shapes = (batches: DataBatch[]) =>
      new Set(
        batches.map(({ inputs, target }) =>
          JSON.stringify([inputs.image!.shape, inputs.text!.shape, target.shape]),
        ),
      );
    expect(shapes(await epoch(1000, 100, { batchSize: 16 })).size).toBeLessThanOrEqual(2);
    const grouped = await epoch(1000, 100, { batchSize: 16, groupBy: 'image' });
    expect(shapes(grouped).size).toBe(2);
    expect(grouped.map(({ target }) => target.shape[0])).toEqual([...Array(6).fill(192), 64]);
  });

  it('have no more texts than there are, but for a multiple of 8', async () => {
    const texts = async (options: Partial<LoaderOptions>) => {
      const [batch] = await epoch(40, 9, { batchSize: 32, ...options });
      return batch!.inputs.text!.shape[0];
    };
    expect(await texts({})).toBe(8);
    expect(await texts({ padTo: { text: 32 } })).toBe(32);
  });

  it('cut texts to maxLength', async () => {
    const long = loader(questions(3, 1), { ...grey, batchSize: 3, maxLength: 2, shuffle: false });
    expect(long.maxLength).toBe(2);
    held.push(...(await collect(long.epoch(0))));
    expect(((await held[0]!.inputs.text!.array()) as number[][]).slice(0, 3)).toEqual([
      [4, 2],
      [2, 5],
      [3, 0],
    ]);
    expect(loader(questions(3, 1), { ...grey, batchSize: 3 }).maxLength).toBe(4);
  });

  it('carry regression targets as float32, alone or in lists', async () => {
    const texts = ['a', 'b', 'c'];
    const single = dataset({
      name: 'single',
      examples: texts.map((text, i) => ({ inputs: { text }, target: i / 2 })),
    });
    const list = dataset({
      name: 'list',
      examples: texts.map((text, i) => ({ inputs: { text }, target: [i, 10 - i] })),
    });
    const options = { ...grey, batchSize: 4, shuffle: false };
    held.push(...(await collect(loader(single, options).epoch(0))));
    held.push(...(await collect(loader(list, options).epoch(0))));
    expect(held.map(({ target }) => target.dtype)).toEqual(['float32', 'float32']);
    expect(await held[0]!.target.array()).toEqual([0, 0.5, 1, 0]);
    expect(await held[1]!.target.array()).toEqual([
      [0, 10],
      [1, 9],
      [2, 8],
      [0, 0],
    ]);
    expect(Object.keys(held[0]!.inputs)).toEqual(['text']);
  });

  it('leak nothing', async () => {
    const { numTensors } = tf.memory();
    const batches = loader(questions(50, 10), { ...grey, batchSize: 8 });
    for await (const batch of batches.epoch(0)) disposeBatch(batch);
    for await (const batch of batches.epoch(1)) {
      disposeBatch(batch);
      break;
    }
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});

/** Images that take a moment, as files do, and count how often they are read. */
function slowly(count: number) {
  const reads = new Map<string, number>();
  const images = greys(count).map(
    (image): ImageSource => ({
      id: image.id,
      async read(size) {
        reads.set(image.id, (reads.get(image.id) ?? 0) + 1);
        await new Promise((done) => setTimeout(done, 5));
        return image.read(size);
      },
    }),
  );
  const data = dataset({
    name: 'slow',
    examples: images.map((image) => ({ inputs: { image }, target: 0 })),
  });
  return { reads, data };
}

describe('reading', () => {
  const options = { imageSize: [2, 2], channels: 1, batchSize: 2, shuffle: false } as const;

  it('prepares the next batches ahead', async () => {
    const { reads, data } = slowly(20);
    const stream = loader(data, { ...options, prefetch: 3 }).epoch(0);
    held.push((await stream.next()).value!);
    expect(reads.size).toBe(8);
    await stream.return();
  });

  it('decodes each image once, as far as memory goes', async () => {
    const { reads, data } = slowly(6);
    const roomy = loader(data, options);
    for (const n of [0, 1]) held.push(...(await collect(roomy.epoch(n))));
    expect([...reads.values()]).toEqual([1, 1, 1, 1, 1, 1]);

    const again = slowly(6);
    const tight = loader(again.data, { ...options, cacheBytes: 2 * 4 });
    for (const n of [0, 1]) held.push(...(await collect(tight.epoch(n))));
    expect([...again.reads.values()].sort()).toEqual([1, 1, 2, 2, 2, 2]);
  });

  it('stops at once when aborted', async () => {
    const stop = new AbortController();
    const { data } = slowly(20);
    const { numTensors } = tf.memory();
    const seen: number[] = [];
    const run = async () => {
      for await (const batch of loader(data, options).epoch(0, stop.signal)) {
        seen.push(...batch.indices);
        disposeBatch(batch);
        if (seen.length === 4) setTimeout(() => stop.abort(new Error('enough')));
      }
    };
    expect(await messageOf(run)).toBe('enough');
    expect(seen.length).toBeLessThan(20);
    expect(tf.memory().numTensors).toBe(numTensors);
    const stopped = loader(data, options).epoch(0, AbortSignal.abort(new Error('before')));
    expect(await messageOf(() => stopped.next())).toBe('before');
  });

  it('throws when the turn of a broken image comes, and not before', async () => {
    const { data } = slowly(4);
    const broken: ImageSource = { id: 'x', read: () => Promise.reject(new Error('broken')) };
    const examples = [...data.examples, { inputs: { image: broken }, target: 0 }];
    const stream = loader(dataset({ name: 'b', examples }), options).epoch(0);
    held.push((await stream.next()).value!, (await stream.next()).value!);
    expect(await messageOf(() => stream.next())).toBe('broken');

    const short: ImageSource = { id: 'short', read: async () => new Uint8Array(3) };
    const one = dataset({ name: 's', examples: [{ inputs: { image: short }, target: 0 }] });
    expect(await messageOf(() => loader(one, options).epoch(0).next())).toBe(
      'data.loader: image "short" must have 2x2x1 = 4 bytes, got 3',
    );
  });
});

describe('options that can not be met', () => {
  it.each<[Partial<LoaderOptions>, string]>([
    [{ batchSize: 0 }, 'batchSize must be an integer of at least 1, got 0'],
    [{ batchSize: 1.5 }, 'batchSize must be an integer of at least 1, got 1.5'],
    [{ imageSize: [0, 2] }, 'imageSize must be an integer of at least 1, got 0'],
    [{ maxLength: 0 }, 'maxLength must be an integer of at least 1, got 0'],
    [{ padTo: { text: 0 } }, 'padTo.text must be an integer of at least 1, got 0'],
    [{ prefetch: -1 }, 'prefetch must be an integer of at least 0, got -1'],
    [{ last: 'drop', batchSize: 9 }, 'last "drop" leaves no batch of questions'],
  ])('%j', async (options, message) => {
    const make = () => loader(questions(4, 2), { ...grey, batchSize: 2, ...options });
    expect(await messageOf(make)).toContain(`data.loader: ${message}`);
  });

  it('texts without a tokenizer, grouping by what is not there', async () => {
    expect(await messageOf(() => loader(questions(4, 2), { batchSize: 2 }))).toContain(
      'the data has texts, but no tokenizer was given; pass one, such as wordTokenizer',
    );
    const { data } = slowly(2);
    expect(await messageOf(() => loader(data, { batchSize: 2, groupBy: 'text' }))).toBe(
      'data.loader: groupBy "text", but slow has only image',
    );
  });
});
