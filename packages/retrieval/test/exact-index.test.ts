import '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { exactIndex, type VectorIndex } from '../src/index.js';
import { fields, indexContract, WIDTH } from './contract.js';
import { cosine, randomRows } from './support.js';

indexContract({
  name: 'exactIndex',
  place: async () => ({ open: async () => exactIndex({ width: WIDTH, fields }) }),
});

describe('exactIndex', () => {
  test('types know the fields', async () => {
    const index = exactIndex({ width: 2, fields });
    expectTypeOf(index).toExtend<
      VectorIndex<{ readonly artist: string; readonly year: number; readonly seen: boolean }>
    >();
    const found = await index.search([new Float32Array([1, 0])]);
    expectTypeOf<(typeof found)[0][0]['metadata']['year']>().toEqualTypeOf<number>();
    expect(found).toEqual([[]]);
    // @ts-expect-error: there is no such field.
    await expect(index.search([], { filter: { artst: 'x' } })).rejects.toThrow('artist');
    // @ts-expect-error: a year is a number.
    await expect(index.search([], { filter: { year: 'x' } })).rejects.toThrow('finite number');
    await index.close();
  });

  test('goes over blocks, with more than one turn of queries, and leaves no tensor', async () => {
    const before = tf.memory().numTensors;
    const rows = randomRows(9000, 4);
    const index = exactIndex({ width: 4 });
    await index.upsert(rows.map((vector, i) => ({ id: `${i}`, vector })));
    const queries = randomRows(300, 4, 2);
    const found = await index.search(queries, { k: 3 });
    for (const q of [0, 299]) {
      const scores = rows.map((row, i) => ({ i, s: cosine(row, queries[q]!) }));
      const best = scores.sort((a, b) => b.s - a.s).slice(0, 3);
      expect(found[q]!.map(({ id }) => Number(id))).toEqual(best.map(({ i }) => i));
    }
    const stop = new AbortController();
    const stopped = index.search(queries, { signal: stop.signal });
    stop.abort();
    await expect(stopped).rejects.toThrow('abort');
    await index.close();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('refuses widths and fields that can not be', () => {
    expect(() => exactIndex({ width: 0 })).toThrow('width must be a positive integer, got 0');
    expect(() => exactIndex({ width: 2, fields: { 'a b': 'string' } })).toThrow('letters, digits');
    expect(() => exactIndex({ width: 2, fields: { id: 'string' } })).toThrow('is not free');
    expect(() => exactIndex({ width: 2, fields: { a: 'date' as 'string' } })).toThrow('got date');
  });
});
