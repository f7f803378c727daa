import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { pgvectorIndex } from '../src/pgvector.js';
import { byHand, entries, fields, indexContract, keepingContract, WIDTH } from './contract.js';
import { postgres, provided } from './servers.js';
import { randomRows } from './support.js';

const packages = await provided('pgvector');

if ('why' in packages) {
  test(`pgvectorIndex is left out here: ${packages.why}`, () => {
    expect(packages.why).toContain('pgserver');
  });
} else {
  let server: Awaited<ReturnType<typeof postgres>>;
  let tables = 0;
  const options = (part: object = {}) => {
    const connection = { host: server.host, user: 'chainrule', database: 'postgres', max: 4 };
    return { connection, table: `t${tables++}`, width: WIDTH, fields, ...part };
  };
  const placeOf = (part: object) => async () => {
    const own = options(part);
    return {
      open: () => pgvectorIndex(own),
      program: `
        import { pgvectorIndex } from './dist/pgvector.js';
        const index = await pgvectorIndex(${JSON.stringify(own)});`,
      crash: async () => {
        await server.crash();
        await server.start();
      },
    };
  };

  describe('with PostgreSQL', () => {
    beforeAll(async () => {
      server = await postgres(packages.folder);
      await server.start();
    });
    afterAll(() => server?.stop());

    indexContract({ name: 'pgvectorIndex', place: placeOf({}) });
    indexContract({ name: 'pgvectorIndex without a graph', place: placeOf({ graph: false }) });
    keepingContract({ name: 'pgvectorIndex', place: placeOf({}) });

    test('the graph is used, and finds nearly all', async () => {
      const own = options();
      const index = await pgvectorIndex(own);
      const all = entries(3000);
      await index.upsert(all);
      const queries = randomRows(20, WIDTH, 7);
      const found = await index.search(queries, { k: 10 });
      let hits = 0;
      queries.forEach((query, i) => {
        const right = byHand(all, query, 10);
        hits += found[i]!.filter(({ id }) => right.includes(id)).length;
      });
      expect(hits / 200).toBeGreaterThan(0.95);
      const client = new Client(own.connection);
      await client.connect();
      // PostgreSQL counts with a delay.
      await vi.waitFor(
        async () => {
          const { rows } = await client.query(
            'SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = $1',
            [`${own.table}_hnsw`],
          );
          expect(Number(rows[0].idx_scan)).toBeGreaterThan(0);
        },
        { timeout: 15_000, interval: 200 },
      );
      await client.end();
      // What is left when most are deleted is found all the same.
      await index.delete(all.slice(5).map(({ id }) => id));
      expect((await index.search([queries[0]!], { k: 10 }))[0]).toHaveLength(5);
      await index.close();
    });

    test('many open the same table at once', async () => {
      const own = options();
      const all = await Promise.all(Array.from({ length: 5 }, () => pgvectorIndex(own)));
      await Promise.all(all.map((index, i) => index.upsert(entries(50, i + 1))));
      expect(await all[0]!.count()).toBe(50);
      await Promise.all(all.map((index) => index.close()));
    });

    test('names what is wrong', async () => {
      const own = options();
      await (await pgvectorIndex(own)).close();
      await expect(pgvectorIndex({ ...own, width: 9 })).rejects.toThrow('vector vector(8)');
      await expect(pgvectorIndex({ ...own, table: 't"; --' })).rejects.toThrow('must be named by');
      await expect(pgvectorIndex(options({ width: 2001 }))).rejects.toThrow('pass graph: false');
      const nowhere = { host: '127.0.0.1', port: 1, user: 'nobody' };
      const refused = pgvectorIndex({ ...own, connection: nowhere });
      await expect(refused).rejects.toMatchObject({ code: 'INDEX_SERVER' });
      await expect(pgvectorIndex({ ...own, connection: nowhere })).rejects.toThrow('ECONNREFUSED');
    });
  });
}
