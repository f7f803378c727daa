import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { milvusIndex } from '../src/milvus.js';
import { entries, fields, indexContract, keepingContract, WIDTH } from './contract.js';
import { milvusLite, provided } from './servers.js';
import { randomRows } from './support.js';

const packages = await provided('milvus');

if ('why' in packages) {
  test(`milvusIndex is left out here: ${packages.why}`, () => {
    expect(packages.why).toContain('milvus-lite');
  });
} else {
  let server: Awaited<ReturnType<typeof milvusLite>>;
  let collections = 0;
  const options = () => {
    const collection = `c${collections++}`;
    return { connection: server.address, collection, width: WIDTH, fields };
  };
  const place = async () => {
    const own = options();
    return {
      open: () => milvusIndex(own),
      program: `
        import { milvusIndex } from './dist/milvus.js';
        const index = await milvusIndex(${JSON.stringify(own)});`,
      crash: async () => {
        await server.crash();
        await server.start();
      },
    };
  };

  describe('with Milvus Lite', () => {
    beforeAll(async () => {
      server = await milvusLite(packages.folder);
      await server.start();
    });
    afterAll(() => server?.stop());

    indexContract({ name: 'milvusIndex', place });
    keepingContract({ name: 'milvusIndex', place });

    test('names what is wrong', async () => {
      const own = options();
      const index = await milvusIndex(own);
      await index.upsert(entries(3));
      const [query] = randomRows(1, WIDTH);
      await expect(index.search([query!], { k: 16_385 })).rejects.toMatchObject({
        code: 'INDEX_K',
      });
      await index.close();
      await expect(milvusIndex({ ...own, width: 9 })).rejects.toMatchObject({
        code: 'INDEX_OPTIONS',
      });
      await expect(milvusIndex({ ...own, collection: 'a b' })).rejects.toThrow('must be named by');
      const nowhere = { address: '127.0.0.1:1', timeout: 1000, maxRetries: 0 };
      await expect(milvusIndex({ ...own, connection: nowhere })).rejects.toMatchObject({
        code: 'INDEX_SERVER',
      });
    });
  });
}
