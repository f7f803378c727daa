/** One index at one size: `child.ts INDEX KIND COUNT`. Prints one line of JSON. */
import '@chainrule/backend-node';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exactIndex, type VectorIndex } from '@chainrule/retrieval';
import { lancedbIndex } from '@chainrule/retrieval/lancedb';
import { usearchIndex } from '@chainrule/retrieval/usearch';
import { type Kind, vectors } from './mixture.js';

const WIDTH = 384;
const K = 10;
const QUERIES = 200;
const ALONE = 30;
const ROWS = 10_000;

/** What a child prints. */
export interface Measured {
  readonly buildMs: number;
  /** Resident size with the index, less that before it. */
  readonly memoryMb: number;
  /** One query at a time, median. */
  readonly aloneMs: number;
  /** 200 queries in one call. */
  readonly perSecond: number;
  readonly found: readonly (readonly string[])[];
}

const [name, kind, count] = process.argv.slice(2) as [string, Kind, string];
const folder = await mkdtemp(join(tmpdir(), 'chainrule-bench-'));
try {
  process.stdout.write(`${JSON.stringify(await measure())}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function opened(): Promise<{ index: VectorIndex; finish(): Promise<void> }> {
  if (name === 'exact') return { index: exactIndex({ width: WIDTH }), finish: async () => {} };
  if (name === 'usearch') {
    return { index: await usearchIndex({ width: WIDTH }), finish: async () => {} };
  }
  const index = await lancedbIndex({ folder, width: WIDTH });
  return { index, finish: async () => (name === 'lancedb-graph' ? index.build() : undefined) };
}

async function measure(): Promise<Measured> {
  const { index, finish } = await opened();
  // The backend and the libraries are up before memory is looked at.
  const warm = vectors(kind, WIDTH, 3).next();
  await index.upsert([{ id: 'warm', vector: warm }]);
  await index.search([warm]);
  await index.delete(['warm']);
  const before = process.memoryUsage().rss;
  const source = vectors(kind, WIDTH, 1);
  let buildMs = 0;
  for (let from = 0; from < Number(count); from += ROWS) {
    const rows = Math.min(ROWS, Number(count) - from);
    const entries = Array.from({ length: rows }, (_, i) => ({
      id: `${from + i}`,
      vector: source.next(),
    }));
    buildMs += await timed(() => index.upsert(entries));
  }
  buildMs += await timed(finish);
  const asked = vectors(kind, WIDTH, 2);
  const queries = Array.from({ length: QUERIES }, () => asked.next());
  // The first search copies the vectors to the backend: part of building, for those that follow.
  buildMs += await timed(() => index.search(queries.slice(0, 1), { k: K }));
  globalThis.gc?.();
  const memoryMb = (process.memoryUsage().rss - before) / 2 ** 20;
  const alone: number[] = [];
  for (const query of queries.slice(0, ALONE)) {
    alone.push(await timed(() => index.search([query], { k: K })));
  }
  let found: readonly (readonly { readonly id: string }[])[] = [];
  const together = await timed(async () => {
    found = await index.search(queries, { k: K });
  });
  await index.close();
  return {
    buildMs,
    memoryMb,
    aloneMs: alone.sort((a, b) => a - b)[ALONE / 2]!,
    perSecond: (1000 * QUERIES) / together,
    found: found.map((list) => list.map(({ id }) => id)),
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
