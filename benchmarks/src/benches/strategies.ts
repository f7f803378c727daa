import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fusion } from '@chainrule/fusion/registry';
import { ChainruleError } from '@chainrule/tensor';
import { root, run } from '../../../scripts/lib/run.mjs';
import { print, say, table } from '../harness.js';
import type { Bench, BenchOptions } from './bench.js';

interface Row {
  readonly fusion: string;
  readonly testAccuracy: number;
  readonly trainSeconds: number;
  readonly parameters: number;
  readonly epochs: number;
}

const README = join(root, 'packages/fusion/README.md');
const [BEGIN, END] = ['<!-- table:fusion -->', '<!-- /table:fusion -->'];

/** `npm start` once with each fusion strategy. */
export const strategies: Bench = {
  summary: "npm start's training with every fusion strategy: accuracy, seconds, parameters",
  async run(options: BenchOptions) {
    const names = fusion.names.filter((name) => options.only?.includes(name) ?? true);
    const rows: Row[] = [];
    const failed: string[] = [];
    for (const name of names) {
      try {
        const row = await train(name, options.epochs);
        say(`${name}: ${percent(row.testAccuracy)} in ${row.trainSeconds.toFixed(1)} s`);
        rows.push(row);
      } catch (error) {
        say(`${name}: failed, ${(error as Error).message}`);
        failed.push(name);
      }
    }
    const head = ['fusion', 'accuracy', 'seconds', 'parameters'];
    const cells = rows.toSorted((a, b) => b.testAccuracy - a.testAccuracy).map(cellsOf);
    print(table(head, cells));
    if (failed.length > 0) {
      throw new ChainruleError('BENCH_FAILED', `strategies: failed with ${failed.join(', ')}`);
    }
    if (options.write) await insert(markdown(head, cells, options, rows[0]!.epochs));
    if (options.json) print(JSON.stringify({ bench: 'strategies', strategies: rows }));
  },
};

async function train(name: string, epochs: number | undefined): Promise<Row> {
  const folder = await mkdtemp(join(tmpdir(), 'chainrule-strategy-'));
  try {
    const json = join(folder, 'result.json');
    await run(process.execPath, [
      join(root, 'packages/cli/bin/chainrule.mjs'),
      ...['start', '--no-serve', '--fusion', name, '--json', json],
      ...['--out', join(folder, 'model')],
      ...(epochs === undefined ? [] : ['--epochs', `${epochs}`]),
    ]);
    return JSON.parse(await readFile(json, 'utf8')) as Row;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

const cellsOf = (row: Row): string[] => [
  row.fusion,
  percent(row.testAccuracy),
  row.trainSeconds.toFixed(1),
  row.parameters.toLocaleString('en'),
];

function markdown(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  options: BenchOptions,
  epochs: number,
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = line(head.map((_, i) => (i === 0 ? '---' : '--:')));
  const command = ['pnpm bench strategies --write'];
  if (options.only) command.push(`--only ${options.only.join(',')}`);
  if (options.epochs) command.push(`--epochs ${options.epochs}`);
  const date = new Date().toISOString().slice(0, 10);
  return [
    ...[line(head), rule, ...rows.map(line), ''],
    `Made by \`${command.join(' ')}\` on ${date} (epochs: ${epochs}, seed: 0, 2 cores).`,
  ].join('\n');
}

/** Puts the text between the markers. */
async function insert(text: string): Promise<void> {
  const readme = await readFile(README, 'utf8');
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) {
    throw new ChainruleError('BENCH_README', `${README} must have ${BEGIN} and ${END}`);
  }
  await writeFile(
    README,
    `${readme.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${readme.slice(end)}`,
  );
  say(`written to ${README}`);
}
