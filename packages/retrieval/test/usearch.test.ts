import '@tensorflow/tfjs';
import { mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest';
import { exactIndex, type VectorIndex } from '../src/index.js';
import { usearchIndex } from '../src/usearch.js';
import { byHand, entries, fields, indexContract, keepingContract, WIDTH } from './contract.js';
import { randomRows } from './support.js';

let root: string;
const start = async () => {
  root = await mkdtemp(join(tmpdir(), 'chainrule-usearch-'));
};
const stop = () => rm(root, { recursive: true, force: true });
const fresh = () => mkdtemp(join(root, 'index-'));

const program = (folder: string) => `
  import { usearchIndex } from './dist/usearch.js';
  const fields = ${JSON.stringify(fields)};
  const index = await usearchIndex({ width: ${WIDTH}, fields, folder: ${JSON.stringify(folder)} });`;
const inFolder = async () => {
  const folder = await fresh();
  return {
    open: () => usearchIndex({ width: WIDTH, fields, folder }),
    program: program(folder),
  };
};

indexContract({ name: 'usearchIndex in a folder', place: inFolder, start, stop });
indexContract({
  name: 'usearchIndex in memory',
  place: async () => ({ open: () => usearchIndex({ width: WIDTH, fields }) }),
});
keepingContract({ name: 'usearchIndex', place: inFolder, start, stop });

describe('usearchIndex', () => {
  beforeAll(start);
  afterAll(stop);

  test('the graph finds what comparing all finds, also after changes, a reopening and with filters', async () => {
    const folder = await fresh();
    const options = { width: 32, fields: { part: 'number' }, folder } as const;
    const rows = (seed: number) =>
      randomRows(4000, 32, seed).map((vector, i) => ({
        id: `${i}`,
        vector,
        metadata: { part: i % 4 },
      }));
    const exact = exactIndex({ width: 32, fields: { part: 'number' } });
    let graph = await usearchIndex(options);
    expectTypeOf(graph).toExtend<VectorIndex<{ readonly part: number }>>();
    const queries = randomRows(50, 32, 3);
    const recall = async (filter: { part?: number[] }) => {
      const [right, found] = await Promise.all(
        [exact, graph].map((index) => index.search(queries, { k: 10, filter })),
      );
      let hits = 0;
      right!.forEach((list, i) => {
        const own = new Set(found![i]!.map(({ id }) => id));
        expect(found![i]).toHaveLength(10);
        hits += list.filter(({ id }) => own.has(id)).length;
      });
      return hits / 500;
    };
    for (const index of [exact, graph]) {
      await index.upsert(rows(1));
      await index.upsert(rows(2).slice(0, 1000));
      await index.delete(
        rows(1)
          .slice(500, 700)
          .map(({ id }) => id),
      );
    }
    expect(await recall({})).toBeGreaterThan(0.95);
    expect(await recall({ part: [0, 1, 2] })).toBeGreaterThan(0.95);
    await graph.save();
    await graph.upsert(rows(5).slice(500, 600));
    await exact.upsert(rows(5).slice(500, 600));
    await graph.close();
    graph = await usearchIndex(options);
    expect(await graph.count()).toBe(3900);
    expect(await recall({})).toBeGreaterThan(0.95);
    expect((await readdir(folder)).sort()).toEqual([
      'graph-2.usearch',
      'index.json',
      'lock',
      'log-2.bin',
    ]);
    // The graph can be had again from the log.
    await graph.close();
    await rm(join(folder, 'graph-2.usearch'));
    graph = await usearchIndex(options);
    expect(await recall({})).toBeGreaterThan(0.95);
    await Promise.all([graph.close(), exact.close()]);
  });

  const filled = async () => {
    const folder = await fresh();
    const index = await usearchIndex({ width: WIDTH, fields, folder });
    await index.upsert(entries(20));
    return { folder, index };
  };
  const opened = (folder: string, width = WIDTH) => usearchIndex({ width, fields, folder });

  test('what was cut off while it was written is dropped', async () => {
    const { folder, index } = await filled();
    const log = join(folder, 'log-0.bin');
    const whole = await readFile(log);
    await index.upsert(entries(25).slice(20));
    const longer = await readFile(log);
    await index.close();
    for (const length of [longer.length - 1, whole.length + 9, whole.length + 3]) {
      const copy = await fresh();
      const about = { format: 'chainrule-usearch', version: 1, width: WIDTH, fields, graph: null };
      await writeFile(join(copy, 'index.json'), JSON.stringify({ ...about, log: 'log-0.bin' }));
      await writeFile(join(copy, 'log-0.bin'), longer);
      await truncate(join(copy, 'log-0.bin'), length);
      const again = await opened(copy);
      expect(await again.count()).toBe(20);
      await again.upsert(entries(30).slice(25));
      await again.close();
      const third = await opened(copy);
      const left = [...entries(20), ...entries(30).slice(25)];
      const [query] = randomRows(1, WIDTH, 2);
      const [found] = await third.search([query!], { k: 25 });
      expect(found!.map(({ id }) => id)).toEqual(byHand(left, query!, 25));
      await third.close();
    }
  });

  test('one index at a time has a folder open', async () => {
    const { folder, index } = await filled();
    await expect(opened(folder)).rejects.toMatchObject({ code: 'INDEX_LOCKED' });
    await index.close();
    // A lock of another process that lives, and of one that was killed.
    await writeFile(join(folder, 'lock'), `${process.ppid}`);
    await expect(opened(folder)).rejects.toThrow('another index has');
    await writeFile(join(folder, 'lock'), '4194304999');
    await (await opened(folder)).close();
    await (await opened(folder)).close();
  });

  test('what is broken is named', async () => {
    const { folder, index } = await filled();
    await index.close();
    const damage = async (file: string, at: number) => {
      const handle = await open(join(folder, file), 'r+');
      const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, at);
      await handle.write(Buffer.of(buffer[0]! ^ 1), 0, 1, at);
      await handle.close();
    };
    await expect(opened(folder, 9)).rejects.toThrow('has width 8');
    await expect(usearchIndex({ width: WIDTH, folder })).rejects.toMatchObject({
      code: 'INDEX_OPTIONS',
    });
    await damage('graph-1.usearch', 300);
    await expect(opened(folder)).rejects.toThrow('graph-1.usearch is broken: its checksum');
    await damage('graph-1.usearch', 300);
    await damage('log-1.bin', 60);
    await expect(opened(folder)).rejects.toThrow('log-1.bin is broken at byte 0');
    await rm(join(folder, 'log-1.bin'));
    await expect(opened(folder)).rejects.toThrow('can not read');
    await writeFile(join(folder, 'index.json'), '{"format":');
    await expect(opened(folder)).rejects.toThrow('is not that of an index');
    const other = await fresh();
    await writeFile(join(other, 'letter.txt'), 'Dear Ada');
    await expect(opened(other)).rejects.toThrow('no index.json');
    await expect(opened(join(other, 'letter.txt'))).rejects.toMatchObject({ code: 'INDEX_FILE' });
  });
});
