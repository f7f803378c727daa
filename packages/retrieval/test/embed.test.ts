import '@tensorflow/tfjs';
import { dense, key } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { embed, encoderOf, nearest } from '../src/index.js';
import { cosine, randomRows } from './support.js';

const toTensor = (rows: readonly Float32Array[]) => tf.tensor2d(rows.map((row) => Array.from(row)));

describe('embed', () => {
  const layer = dense({ in: 5, out: 3 });
  const params = layer.init(key(1));
  const encode = encoderOf(layer, params, toTensor);
  const inputs = randomRows(10, 5);

  test('batches give the rows that one batch gives, of length 1', async () => {
    const whole = await embed(encode, inputs, { batchSize: 100 });
    const parts = await embed(encode, inputs, { batchSize: 3 });
    expectTypeOf(whole).toEqualTypeOf<Float32Array[]>();
    expect(parts).toHaveLength(10);
    parts.forEach((row, i) => {
      expect(Math.hypot(...row)).toBeCloseTo(1, 6);
      expect(cosine(row, whole[i]!)).toBeCloseTo(1, 6);
    });
    const raw = await embed(encode, inputs, { normalize: false });
    const expected = tf.tidy(() => layer.apply(params, toTensor(inputs)).arraySync());
    raw.forEach((row, i) => {
      row.forEach((value, j) => {
        expect(value).toBeCloseTo(expected[i]![j]!, 5);
      });
    });
  });

  test('leaves no tensor behind, reports and stops', async () => {
    const before = tf.memory().numTensors;
    const seen: number[] = [];
    await embed(encode, inputs, { batchSize: 4, onProgress: ({ done }) => seen.push(done) });
    expect(seen).toEqual([4, 8, 10]);
    const stop = new AbortController();
    const stopped = embed(encode, inputs, {
      batchSize: 4,
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    await expect(stopped).rejects.toThrow('abort');
    expect(tf.memory().numTensors).toBe(before);
  });

  test('takes encoders that return an Embedding, or later', async () => {
    const before = tf.memory().numTensors;
    const later = async (rows: readonly Float32Array[]) => ({
      vector: encode(rows),
      mask: tf.ones<tf.Rank.R2>([rows.length, 2]),
    });
    const rows = await embed(later, inputs, { batchSize: 4 });
    expect(rows).toEqual(await embed(encode, inputs, { batchSize: 4 }));
    expect(tf.memory().numTensors).toBe(before);
  });

  test('nothing in, nothing out', async () => {
    expect(await embed(encode, [])).toEqual([]);
  });

  test('names what is wrong', async () => {
    const before = tf.memory().numTensors;
    const of = (made: () => tf.Tensor) => embed(() => made() as tf.Tensor2D, [1, 2]);
    await expect(of(() => tf.ones([1, 3]))).rejects.toThrow(
      'the encoder must return [2, width], got [1, 3]',
    );
    await expect(of(() => tf.ones([2]))).rejects.toMatchObject({ code: 'EMBED_SHAPE' });
    await expect(of(() => tf.tensor2d([[1], [Number.NaN]]))).rejects.toThrow('input 1 has NaN');
    await expect(of(() => tf.zeros([2, 2]))).rejects.toThrow('input 0 is all 0');
    await expect(embed(encode, inputs, { batchSize: 0 })).rejects.toMatchObject({ code: 'OPTION' });
    expect(tf.memory().numTensors).toBe(before);
  });
});

test('nearest finds the rows that comparing all by hand finds, both ways', async () => {
  const [images, texts] = [randomRows(40, 6, 1), randomRows(9, 6, 2)];
  const ways = [
    [texts, images],
    [images, texts],
  ] as const;
  for (const [queries, candidates] of ways) {
    const found = await nearest(queries, candidates, { k: 5 });
    queries.forEach((query, i) => {
      const all = candidates.map((candidate, row) => ({ row, s: cosine(query, candidate) }));
      const best = all.sort((a, b) => b.s - a.s).slice(0, 5);
      expect(found[i]!.map(({ row }) => row)).toEqual(best.map(({ row }) => row));
      found[i]!.forEach(({ similarity }, j) => {
        expect(similarity).toBeCloseTo(best[j]!.s, 5);
      });
    });
  }
});
