import { lookUp } from '@chainrule/tensor';
import { categories } from '../emoji/category.js';
import { type Drawings, openDrawings } from '../emoji/drawings.js';
import { matchings } from '../emoji/matching.js';
import { cells, type EmojiOptions, type Table, write } from '../emoji/report.js';
import { questions } from '../emoji/vqa.js';
import { executorOf } from '../executors.js';
import { print, say, table } from '../harness.js';
import type { Bench, BenchOptions } from './bench.js';

const workloads: {
  readonly [name: string]: (
    options: EmojiOptions,
    drawings: () => Promise<Drawings>,
  ) => Promise<Table>;
} = {
  category: async (options, drawings) => categories(await drawings(), options),
  matching: async (options, drawings) => matchings(await drawings(), options),
  vqa: questions,
};

/** Trains on emoji by some artists and measures on others: category, matching, questions. */
export const emoji: Bench = {
  summary: 'emoji by artists held out: category, image–text matching, questions about scenes',
  async run({ workload, quick, seeds, epochs, only, json, write: wanted }: BenchOptions) {
    const names = workload === undefined ? Object.keys(workloads) : [workload];
    const chosen = names.map((name) => lookUp('emoji', workloads, name));
    const options = {
      ...{ quick, only },
      seeds: seeds ?? (quick ? 1 : 3),
      epochs: epochs ?? (quick ? 1 : undefined),
    };
    await executorOf('compiled');
    const began = performance.now();
    let opened: Promise<Drawings> | undefined;
    const drawings = () => {
      opened ??= openDrawings(quick);
      return opened;
    };
    const tables: Table[] = [];
    for (const run of chosen) {
      const made = await run(options, drawings);
      tables.push(made);
      print(`\n${made.about.join(' ')}\n`);
      print(
        table(
          [made.workload, ...made.figures],
          made.rows.map((row) => cells(row, made.figures)),
        ),
      );
    }
    const seconds = Math.round((performance.now() - began) / 1000);
    say(`${seconds} s`);
    if (wanted) await write(tables, options.seeds);
    if (!json) return;
    const results = Object.fromEntries(tables.map(({ workload: name, rows }) => [name, rows]));
    print(JSON.stringify({ bench: 'emoji', seeds: options.seeds, ...results, seconds }));
  },
};
