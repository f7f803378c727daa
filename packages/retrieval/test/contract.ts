import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Entry, VectorIndex } from '../src/index.js';
import { cosine, randomRows } from './support.js';

export const WIDTH = 8;
export const fields = { artist: 'string', year: 'number', seen: 'boolean' } as const;
export interface Meta {
  readonly [field: string]: string | number | boolean;
  readonly artist: string;
  readonly year: number;
  readonly seen: boolean;
}

/** One place where an index is kept. */
interface Place {
  /** Opens what is there. */
  open(): Promise<VectorIndex<Meta>>;
  /** The same as a program: statements that end with `const index = …`. */
  readonly program?: string;
  /** Breaks the connection or stops the server as hard as can be, and starts it again. */
  readonly crash?: () => Promise<void>;
}

export interface Contract {
  readonly name: string;
  /** A place of its own for each call. */
  place(): Promise<Place>;
  readonly start?: () => Promise<void>;
  readonly stop?: () => Promise<void>;
}

const ARTISTS = ['Ada', "O'Hara", 'x" OR 1 == 1', '日本 😀', '\\', '{a}', "'; DROP TABLE t; --"];

export function entries(count: number, seed = 1): Entry<Meta>[] {
  return randomRows(count, WIDTH, seed).map((vector, i) => ({
    id: `e${i}`,
    vector,
    metadata: {
      artist: ARTISTS[i % ARTISTS.length]!,
      year: 1990 + (i % 10) / 2,
      seen: i % 3 === 0,
    },
  }));
}

/** What comparing with every entry gives. */
export function byHand(all: readonly Entry<Meta>[], query: Float32Array, k: number): string[] {
  const scored = all.map(({ id, vector }) => ({ id, s: cosine(query, vector) }));
  return scored
    .sort((a, b) => b.s - a.s)
    .slice(0, k)
    .map(({ id }) => id);
}

const ids = (found: readonly { readonly id: string }[]) => found.map(({ id }) => id);

/** The rules of every index, run against the real thing. */
export function indexContract({ name, place, start, stop }: Contract): void {
  describe(name, () => {
    beforeAll(async () => start?.());
    afterAll(async () => stop?.());

    const using = async (work: (index: VectorIndex<Meta>) => Promise<void>) => {
      const index = await (await place()).open();
      try {
        await work(index);
      } finally {
        await index.close();
      }
    };

    test('finds what comparing by hand finds, nearest first, with metadata', () =>
      using(async (index) => {
        expect(index.width).toBe(WIDTH);
        const all = entries(120);
        await index.upsert(all);
        expect(await index.count()).toBe(120);
        const queries = randomRows(6, WIDTH, 9);
        const found = await index.search(queries, { k: 7 });
        expect(found).toHaveLength(6);
        queries.forEach((query, i) => {
          expect(ids(found[i]!)).toEqual(byHand(all, query, 7));
          for (const { id, similarity, metadata } of found[i]!) {
            const entry = all.find((e) => e.id === id)!;
            expect(similarity).toBeCloseTo(cosine(query, entry.vector), 4);
            expect(metadata).toEqual(entry.metadata);
          }
        });
        expect(await index.search([])).toEqual([]);
        expect((await index.search([queries[0]!]))[0]).toHaveLength(10);
      }));

    test('filters by value, by any of several, by all fields at once', () =>
      using(async (index) => {
        const all = entries(120);
        await index.upsert(all);
        const [query] = randomRows(1, WIDTH, 5);
        const check = async (
          filter: NonNullable<Parameters<typeof index.search>[1]>['filter'],
          keep: (meta: Meta) => boolean,
        ) => {
          const [found] = await index.search([query!], { k: 20, filter: filter! });
          const kept = all.filter(({ metadata }) => keep(metadata!));
          expect(ids(found!)).toEqual(byHand(kept, query!, 20));
        };
        for (const artist of ARTISTS) await check({ artist }, (meta) => meta.artist === artist);
        await check({ year: 1991.5 }, ({ year }) => year === 1991.5);
        await check({ seen: true }, ({ seen }) => seen);
        await check({ year: [1990, 1994.5], seen: false }, ({ year, seen }) => {
          return !seen && (year === 1990 || year === 1994.5);
        });
        await check({ artist: 'nobody' }, () => false);
        await check({ artist: [] }, () => false);
      }));

    test('filters that are made to break out find nothing and change nothing', () =>
      using(async (index) => {
        await index.upsert(entries(12));
        const [query] = randomRows(1, WIDTH, 5);
        const strings = fc
          .string({ unit: 'grapheme', maxLength: 20 })
          .filter((s) => !s.includes('\0'));
        const values = fc.oneof(
          strings,
          fc.constantFrom(
            "' OR '1'='1",
            '" or 1==1 or artist == "',
            '\\" or true',
            '%',
            '$1',
            '{x}',
          ),
        );
        await fc.assert(
          fc.asyncProperty(values, async (artist) => {
            const [found] = await index.search([query!], { k: 20, filter: { artist } });
            expect(found).toHaveLength(
              entries(12).filter((e) => e.metadata!.artist === artist).length,
            );
            await index.delete([artist || '-']);
          }),
          { numRuns: 15 },
        );
        expect(await index.count()).toBe(12);
      }));

    test('an upsert replaces, a delete removes', () =>
      using(async (index) => {
        const all = entries(30);
        await index.upsert(all);
        const moved = entries(30, 2).slice(0, 10);
        await index.upsert(moved);
        expect(await index.count()).toBe(30);
        const now = [...moved, ...all.slice(10)];
        await index.delete(['e12', 'e3', 'e3', "no'such"]);
        expect(await index.count()).toBe(28);
        const left = now.filter(({ id }) => id !== 'e3' && id !== 'e12');
        const [query] = randomRows(1, WIDTH, 4);
        expect(ids((await index.search([query!], { k: 40 }))[0]!)).toEqual(
          byHand(left, query!, 40),
        );
        await index.upsert([all[12]!]);
        expect(await index.count()).toBe(29);
        await index.upsert([]);
        await index.delete([]);
        await index.delete(now.map(({ id }) => id));
        expect(await index.count()).toBe(0);
        expect(await index.search([query!, query!])).toEqual([[], []]);
      }));

    test('ids and values of any letters come back as they went', () =>
      using(async (index) => {
        const names = [
          "a'b",
          'a"b',
          'ä 日本 😀',
          '\\',
          '\n\t',
          ' ',
          '{}',
          '%_',
          `x${'y'.repeat(511)}`,
        ];
        await index.upsert(
          names.map((id, i) => ({
            id,
            vector: randomRows(1, WIDTH, i)[0]!,
            metadata: { artist: id, year: -0.1 * i, seen: true },
          })),
        );
        const [found] = await index.search(randomRows(1, WIDTH), { k: 99 });
        expect(ids(found!).sort()).toEqual([...names].sort());
        for (const { id, metadata } of found!) expect(metadata.artist).toBe(id);
        await index.delete(names.slice(1));
        expect(await index.count()).toBe(1);
      }));

    test('names what is wrong, and nothing changes', () =>
      using(async (index) => {
        const all = entries(5);
        const [one] = all as [Entry<Meta>];
        await index.upsert(all);
        const like = (part: Partial<{ [K in keyof Entry]: unknown }>) =>
          index.upsert([...entries(9).slice(6), { ...one, ...part } as Entry<Meta>]);
        const meta = one.metadata!;
        const odd: [Promise<unknown>, string, string][] = [
          [like({ vector: new Float32Array(3) }), 'INDEX_WIDTH', 'width 8, got one of width 3'],
          [like({ vector: [1, 2] }), 'INDEX_WIDTH', 'must be a Float32Array'],
          [like({ vector: one.vector.with(2, Number.NaN) }), 'INDEX_VECTOR', '[2] is NaN'],
          [like({ vector: new Float32Array(WIDTH) }), 'INDEX_VECTOR', 'it has no direction'],
          [like({ id: 'e7' }), 'INDEX_ID', '"e7" comes twice'],
          [like({ id: '' }), 'INDEX_ID', '1 to 512 bytes'],
          [like({ id: 'a\0b' }), 'INDEX_ID', 'without NUL'],
          [like({ metadata: { ...meta, artst: 'x' } }), 'UNKNOWN_NAME', 'Did you mean "artist"?'],
          [like({ metadata: { artist: 'x' } }), 'INDEX_FIELD', 'must have metadata.year, a number'],
          [
            like({ metadata: { ...meta, year: '1' } }),
            'INDEX_FIELD',
            'a finite number, got string',
          ],
          [like({ metadata: { ...meta, year: Number.NaN } }), 'INDEX_FIELD', 'got NaN'],
          [index.search([new Float32Array(9)]), 'INDEX_WIDTH', 'queries[0] must be'],
          [index.search([new Float32Array(WIDTH)]), 'INDEX_VECTOR', 'queries[0]'],
          [
            index.search([one.vector], { k: 0 }),
            'INDEX_K',
            'k must be an integer from 1 on, got 0',
          ],
          [index.search([one.vector], { k: 1.5 }), 'INDEX_K', 'got 1.5'],
          [
            index.search([one.vector], { filter: { aritst: 'x' } as object }),
            'UNKNOWN_NAME',
            'Did you mean "artist"?',
          ],
          [
            index.search([one.vector], { filter: { year: '1990' as unknown as number } }),
            'INDEX_FIELD',
            'filter.year must be a finite number',
          ],
          [index.delete(['']), 'INDEX_ID', 'ids[0]'],
        ];
        const outcomes = await Promise.allSettled(odd.map(([call]) => call));
        outcomes.forEach((outcome, i) => {
          const [, code, message] = odd[i]!;
          expect(outcome).toMatchObject({ status: 'rejected', reason: { code } });
          expect((outcome as PromiseRejectedResult).reason.message).toContain(message);
        });
        expect(await index.count()).toBe(5);
        const stopped = index.search([one.vector], { signal: AbortSignal.abort() });
        await expect(stopped).rejects.toThrow('abort');
      }));

    test('calls may overlap: searches among upserts see whole entries', () =>
      using(async (index) => {
        const old = entries(40);
        const next = entries(40, 3);
        await index.upsert(old);
        const queries = randomRows(4, WIDTH, 8);
        const searches: Promise<Awaited<ReturnType<typeof index.search>>>[] = [];
        const writes: Promise<void>[] = [];
        for (let i = 0; i < 8; i++) {
          writes.push(index.upsert(next.slice(i * 5, i * 5 + 5)));
          searches.push(index.search(queries, { k: 5 }));
        }
        await Promise.all(writes);
        for (const found of await Promise.all(searches)) {
          found.forEach((list, q) => {
            expect(list).toHaveLength(5);
            for (const { id, similarity } of list) {
              const i = Number(id.slice(1));
              const both = [old[i]!, next[i]!].map(({ vector }) => cosine(queries[q]!, vector));
              expect(Math.min(...both.map((s) => Math.abs(s - similarity)))).toBeLessThan(1e-4);
            }
          });
        }
        expect(ids((await index.search([queries[0]!], { k: 9 }))[0]!)).toEqual(
          byHand(next, queries[0]!, 9),
        );
      }));

    test('a closed index says so; closing twice is closing', async () => {
      const index = await (await place()).open();
      await index.upsert(entries(3));
      await index.close();
      await index.close();
      const [query] = randomRows(1, WIDTH);
      await expect(index.search([query!])).rejects.toMatchObject({ code: 'INDEX_CLOSED' });
      await expect(index.upsert(entries(3))).rejects.toMatchObject({ code: 'INDEX_CLOSED' });
      await expect(index.delete(['e0'])).rejects.toMatchObject({ code: 'INDEX_CLOSED' });
      await expect(index.count()).rejects.toMatchObject({ code: 'INDEX_CLOSED' });
    });
  });
}

/** The rules of every index that keeps what it is given. */
export function keepingContract({ name, place, start, stop }: Contract): void {
  describe(`${name} keeps`, () => {
    beforeAll(async () => start?.());
    afterAll(async () => stop?.());

    test('what was there when it was closed', async () => {
      const at = await place();
      const all = entries(50);
      const [query] = randomRows(1, WIDTH, 6);
      const first = await at.open();
      await first.upsert(all);
      await first.delete(['e4', 'e9']);
      await first.close();
      for (let round = 0; round < 2; round++) {
        const again = await at.open();
        expect(await again.count()).toBe(48);
        const left = all.filter(({ id }) => id !== 'e4' && id !== 'e9');
        const [found] = await again.search([query!], { k: 48, filter: { seen: [true, false] } });
        expect(ids(found!)).toEqual(byHand(left, query!, 48));
        expect(found![0]!.metadata).toEqual(all.find(({ id }) => id === found![0]!.id)!.metadata);
        // Places of what was deleted are used again.
        await again.upsert([all[4]!]);
        expect(await again.count()).toBe(49);
        expect(ids((await again.search([all[4]!.vector], { k: 1 }))[0]!)).toEqual(['e4']);
        await again.delete(['e4']);
        await again.close();
      }
    });

    test('what it acknowledged before the process was killed', async () => {
      const at = await place();
      const { acknowledged, deleted } = await killed(at.program!);
      await at.crash?.();
      const index = await at.open();
      const count = await index.count();
      // The upsert that was under way may be there or not, but only as a whole.
      expect([acknowledged - deleted, acknowledged - deleted + 5]).toContain(count);
      const rows = randomRows(acknowledged, WIDTH, 1);
      const last = await index.search(rows.slice(-5), { k: 1 });
      expect(last.map(([found]) => found!.id)).toEqual(
        Array.from({ length: 5 }, (_, i) => `k${acknowledged - 5 + i}`),
      );
      expect((await index.search([rows[0]!], { k: 1 }))[0]![0]!.id).not.toBe('k0');
      await index.upsert(entries(3));
      expect(await index.count()).toBe(count + 3);
      await index.close();
    });
  });
}

/** Runs a program that upserts five rows at a time, and kills it in the middle. */
async function killed(program: string) {
  const source = `
    ${program}
    const rows = ${JSON.stringify(randomRows(2000, WIDTH, 1).map((row) => [...row]))};
    for (let i = 0; i < rows.length; i += 5) {
      await index.upsert(rows.slice(i, i + 5).map((row, j) => ({
        id: 'k' + (i + j),
        vector: new Float32Array(row),
        metadata: { artist: 'A', year: i, seen: true },
      })));
      if (i === 0) await index.delete(['k0']);
      process.stdout.write('acknowledged ' + (i + 5) + '\\n');
    }`;
  const child = spawn(process.execPath, ['--input-type=module'], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(source);
  let out = '';
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const ended = once(child, 'close');
  child.stdout.on('data', (chunk) => {
    out += chunk;
    if (out.split('acknowledged ').length > 6) child.kill('SIGKILL');
  });
  const [, signal] = await ended;
  if (signal !== 'SIGKILL') throw new Error(`ended by itself: ${errors}`);
  const last = [...out.matchAll(/acknowledged (\d+)\n/g)].at(-1);
  return { acknowledged: Number(last?.[1]), deleted: 1 };
}
