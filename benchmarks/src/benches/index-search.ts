import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ChainruleError } from '@chainrule/tensor';
import { run } from '../../../scripts/lib/run.mjs';
import { print, say, table } from '../harness.js';
import type { Measured } from '../retrieval/child.js';
import type { Kind } from '../retrieval/mixture.js';
import type { Bench, BenchOptions } from './bench.js';

const INDEXES = ['exact', 'usearch', 'lancedb', 'lancedb-graph'] as const;
const FOLDER = fileURLToPath(new URL('../..', import.meta.url));

interface Row extends Omit<Measured, 'found'>, Case {
  readonly index: string;
  /** Share of the exact ten nearest that were found. */
  readonly recall: number;
}

/** Each index in a process of its own, one after another, on the same vectors and queries. */
export const indexSearch: Bench = {
  summary:
    'vector indexes at 1 k … 100 k vectors of width 384 (--full: 1 M): recall, memory, speed',
  async run({ json, only, quick, full, workload }: BenchOptions) {
    const cases = workload === undefined ? all(quick, full) : [one(workload)];
    const rows: Row[] = [];
    for (const { kind, count } of cases) {
      let right: Measured['found'] | undefined;
      for (const index of INDEXES) {
        // Without the exact index there is nothing to compare with.
        if (index !== 'exact' && only !== undefined && !only.includes(index)) continue;
        say(`${index}: ${count.toLocaleString('en')} vectors, ${kind}`);
        const { found, ...measured } = await measure(index, kind, count);
        right ??= found;
        const row = { index, kind, count, ...measured, recall: recall(right, found) };
        rows.push(row);
        // A million vectors take a quarter of an hour: what is known by then is not to be lost.
        say(`  ${HEAD.map((name, i) => `${name} ${cells(row)[i]}`).join(', ')}`);
      }
    }
    show(rows);
    const crossing = crossings(rows);
    print(
      crossing === undefined
        ? '\nExact search was quicker than the graph at every size.'
        : `\nOne query at a time, the graph is quicker than exact search from about ${crossing.toLocaleString('en')} vectors on.`,
    );
    print(`Load of the machine at the end: ${loadavg()[0]!.toFixed(1)}.`);
    if (!json) return;
    const graph = rows.find(
      ({ index, kind, count }) => index === 'usearch' && kind === 'clustered' && count === 100_000,
    );
    print(JSON.stringify({ bench: 'index', recallAt10: graph?.recall ?? null, crossing, rows }));
  },
};

interface Case {
  readonly kind: Kind;
  readonly count: number;
}

function all(quick: boolean, full: boolean): Case[] {
  const sizes = [1_000, 10_000, ...(quick ? [] : [100_000]), ...(full ? [1_000_000] : [])];
  return [
    ...sizes.map((count): Case => ({ kind: 'clustered', count })),
    { kind: 'uniform', count: full ? 100_000 : 10_000 },
  ];
}

function one(count: string): Case {
  if (/^[1-9]\d{1,7}$/.test(count)) return { kind: 'clustered', count: Number(count) };
  throw new ChainruleError(
    'OPTION',
    `bench index: the second name is how many vectors, 10 … 99,999,999, got ${count}`,
  );
}

async function measure(index: string, kind: Kind, count: number): Promise<Measured> {
  const { stdout } = await run(
    process.execPath,
    ['--expose-gc', '--import', 'tsx', 'src/retrieval/child.ts', index, kind, `${count}`],
    { cwd: FOLDER, env: { TF_CPP_MIN_LOG_LEVEL: '3' } },
  );
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Measured;
}

function recall(right: Measured['found'], found: Measured['found']): number {
  let hits = 0;
  let all = 0;
  right.forEach((list, i) => {
    const own = new Set(found[i]);
    hits += list.filter((id) => own.has(id)).length;
    all += list.length;
  });
  return hits / all;
}

const HEAD = 'vectors,count,index,build s,memory MB,query ms,queries/s,recall@10'.split(',');

function cells(row: Row): string[] {
  return [
    row.kind,
    row.count.toLocaleString('en'),
    row.index,
    (row.buildMs / 1000).toFixed(1),
    row.memoryMb.toFixed(0),
    row.aloneMs.toFixed(2),
    row.perSecond.toFixed(0),
    row.recall.toFixed(3),
  ];
}

const show = (rows: readonly Row[]) => print(`\n${table(HEAD, rows.map(cells))}`);

/** Where the lines of query time cross, between measured sizes straight in the logarithm of both. */
function crossings(rows: readonly Row[]): number | undefined {
  const of = (name: string) =>
    rows.filter(({ index, kind }) => index === name && kind === 'clustered');
  const gaps = of('exact').flatMap(({ count, aloneMs }) => {
    const graph = of('usearch').find((row) => row.count === count);
    return graph === undefined ? [] : [{ count, gap: Math.log(aloneMs / graph.aloneMs) }];
  });
  const above = gaps.findIndex(({ gap }) => gap > 0);
  if (above < 0) return undefined;
  const [low, high] = [gaps[above - 1], gaps[above]!];
  if (low === undefined) return high.count;
  const part = -low.gap / (high.gap - low.gap);
  return Math.round(low.count * (high.count / low.count) ** part);
}
