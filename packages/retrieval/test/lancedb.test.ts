import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lancedbIndex } from '../src/lancedb.js';
import { byHand, entries, fields, indexContract, keepingContract, WIDTH } from './contract.js';
import { randomRows } from './support.js';

let root: string;
const start = async () => {
  root = await mkdtemp(join(tmpdir(), 'chainrule-lancedb-'));
};
const stop = () => rm(root, { recursive: true, force: true });
const fresh = () => mkdtemp(join(root, 'index-'));

const place = async () => {
  const folder = await fresh();
  const options = { folder, width: WIDTH, fields } as const;
  return {
    open: () => lancedbIndex(options),
    program: `
      import { lancedbIndex } from './dist/lancedb.js';
      const index = await lancedbIndex(${JSON.stringify(options)});`,
  };
};

indexContract({ name: 'lancedbIndex', place, start, stop });
keepingContract({ name: 'lancedbIndex', place, start, stop });

describe('lancedbIndex', () => {
  beforeAll(start);
  afterAll(stop);

  test('searches a graph once it is built, and what came since', async () => {
    const index = await lancedbIndex({ folder: await fresh(), width: WIDTH, fields });
    const all = entries(3000);
    await index.upsert(all.slice(0, 2900));
    await index.build();
    await index.upsert(all.slice(2900));
    const queries = randomRows(20, WIDTH, 7);
    const found = await index.search(queries, { k: 10 });
    let hits = 0;
    queries.forEach((query, i) => {
      const right = byHand(all, query, 10);
      hits += found[i]!.filter(({ id }) => right.includes(id)).length;
    });
    expect(hits / 200).toBeGreaterThan(0.95);
    const [few] = await index.search([queries[0]!], { k: 3000, filter: { year: 1990 } });
    expect(few).toHaveLength(300);
    await index.close();
  });

  test('names a table of another kind, and folders that can not be', async () => {
    const folder = await fresh();
    const index = await lancedbIndex({ folder, width: WIDTH, fields });
    await index.upsert(entries(40));
    await index.close();
    const other = { folder, width: 9, fields };
    await expect(lancedbIndex(other)).rejects.toMatchObject({ code: 'INDEX_OPTIONS' });
    await expect(lancedbIndex({ folder, width: WIDTH })).rejects.toThrow('has the columns id');
    await expect(lancedbIndex({ folder, width: WIDTH, table: 'a b' })).rejects.toThrow(
      'a table must be named by',
    );
    const file = join(folder, 'letter.txt');
    await writeFile(file, 'Dear Ada');
    await expect(lancedbIndex({ folder: file, width: 2 })).rejects.toMatchObject({
      code: 'INDEX_FILE',
    });
    const data = join(folder, 'vectors.lance', 'data');
    for (const name of await readdir(data)) await writeFile(join(data, name), 'broken');
    const broken = await lancedbIndex({ folder, width: WIDTH, fields });
    await expect(broken.search(randomRows(1, WIDTH))).rejects.toMatchObject({ code: 'INDEX_FILE' });
    await broken.close();
  });
});
