import '@tensorflow/tfjs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dense, precomputed } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cachedEmbeddings, type EmbeddingOptions } from '../src/node.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chainrule-embeddings-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  for (const name of await readdir(folder)) await rm(join(folder, name));
});

const layer = dense({ in: 4, out: 3 });
const paramsOf = (shift = 0) => ({
  kernel: tf.tensor2d(
    Array.from({ length: 12 }, (_, i) => i / 10 + shift),
    [4, 3],
  ),
  bias: tf.tensor1d([1, 2, 3]),
});

/** Five inputs of four bytes; `runs` counts the batches that are encoded. */
function job(params = paramsOf(), change = 0) {
  let runs = 0;
  const options: EmbeddingOptions<ReturnType<typeof paramsOf>> = {
    encoder: { config: layer.config, width: 3 },
    params,
    encode: (x) => {
      runs++;
      return layer.apply(params, x as tf.Tensor2D);
    },
    inputs: {
      count: 5,
      shape: [4],
      read: (i) => Uint8Array.of(i, i * 2, 255, i === 4 ? change : 0),
    },
    batchSize: 2,
    folder,
  };
  return { options, runs: () => runs };
}

describe('cachedEmbeddings', () => {
  it('runs the encoder once', async () => {
    const { options, runs } = job();
    const before = tf.memory().numTensors;
    const first = await cachedEmbeddings(options);
    expect([first.cached, runs()]).toEqual([false, 3]);
    const again = await cachedEmbeddings(options);
    expect([again.cached, runs()]).toEqual([true, 3]);
    expect(again.vectors).toEqual(first.vectors);
    expect(tf.memory().numTensors).toBe(before);
    tf.tidy(() => {
      const pixels = tf.div(tf.tensor2d([4, 8, 255, 0, 1, 2, 255, 0], [2, 4]), 255);
      const expected = layer.apply(options.params, pixels as tf.Tensor2D);
      const { vector } = precomputed({ width: 3 }).apply({}, again.rows([4, 1]));
      expectClose(vector, expected);
    });
    expect(() => again.rows([5])).toThrow('there are 5 examples, got row 5');
  });

  it('runs it again for other weights or another input', async () => {
    const hashes = new Set<string>();
    for (const { options, runs } of [job(), job(paramsOf(1)), job(undefined, 1)]) {
      hashes.add((await cachedEmbeddings(options)).hash);
      expect(runs()).toBe(3);
    }
    expect(hashes.size).toBe(3);
    expect((await readdir(folder)).length).toBe(3);
  });

  it('computes a damaged or half-written file anew', async () => {
    const { options, runs } = job();
    const { vectors } = await cachedEmbeddings(options);
    const path = join(folder, (await readdir(folder))[0]!);
    const whole = await readFile(path);
    const flipped = Buffer.from(whole);
    flipped[flipped.length - 2]! ^= 1;
    const damaged = [
      flipped,
      whole.subarray(0, whole.length - 5),
      Buffer.alloc(0),
      Buffer.from('x'),
    ];
    for (const [i, bytes] of damaged.entries()) {
      await writeFile(path, bytes);
      const again = await cachedEmbeddings(options);
      expect([again.cached, runs()]).toEqual([false, 3 * (i + 2)]);
      expect(again.vectors).toEqual(vectors);
      expect(await readFile(path)).toEqual(whole);
    }
  });

  it('names an input of another length', async () => {
    const { options } = job();
    const inputs = { ...options.inputs, read: (i: number) => new Uint8Array(i === 3 ? 2 : 4) };
    await expect(cachedEmbeddings({ ...options, inputs })).rejects.toThrow(
      'example 3 must have 4 numbers of one sort, got 2',
    );
  });
});
