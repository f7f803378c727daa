import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../../../scripts/lib/run.mjs';
import { type Spread, spread } from '../fusion/results.js';
import { say } from '../harness.js';

export interface EmojiOptions {
  readonly seeds: number;
  readonly epochs: number | undefined;
  readonly quick: boolean;
  /** Only these models. */
  readonly only: readonly string[] | undefined;
}

/** What one model reached: by name of the figure, over the seeds. */
interface Row {
  readonly name: string;
  readonly figures: { readonly [figure: string]: Spread };
}

export interface Table {
  readonly workload: string;
  /** What was trained on and tested, in a sentence or two. */
  readonly about: readonly string[];
  readonly figures: readonly string[];
  readonly rows: readonly Row[];
}

type Figures = { readonly [figure: string]: number };

/** Trains every model with every seed. */
export async function overSeeds(
  names: readonly string[],
  { seeds, only }: EmojiOptions,
  run: (name: string, seed: number) => Promise<Figures>,
): Promise<Row[]> {
  const chosen = names.filter((name) => only?.includes(name) ?? true);
  const results = new Map(chosen.map((name) => [name, [] as Figures[]]));
  for (let seed = 0; seed < seeds; seed++) {
    for (const name of chosen) {
      const figures = await run(name, seed);
      const shown = Object.entries(figures).map(([figure, x]) => `${figure} ${x.toFixed(3)}`);
      say(`${name}, seed ${seed}: ${shown.join(', ')}`);
      results.get(name)!.push(figures);
    }
  }
  return [...results].map(([name, all]) => {
    const figures = Object.keys(all[0]!).map(
      (figure) => [figure, spread(all.map((one) => one[figure]!))!] as const,
    );
    return { name, figures: Object.fromEntries(figures) };
  });
}

/** As three digits behind the point, with the deviation where there were several seeds. */
export function cells({ name, figures }: Row, wanted: readonly string[]): string[] {
  const digits = (x: number) => x.toFixed(3).replace(/^0/, '');
  return [
    name,
    ...wanted.map((figure) => {
      const value = figures[figure];
      if (value === undefined) return '';
      const { mean, deviation, count } = value;
      return count < 2 ? digits(mean) : `${digits(mean)} ± ${digits(deviation)}`;
    }),
  ];
}

const ORDER = ['category', 'matching', 'vqa'];

/** Writes `docs/emoji-tasks.md`; what was not run now stays as it was. */
export async function write(tables: readonly Table[], seeds: number): Promise<void> {
  const path = join(root, 'docs', 'emoji-tasks.md');
  const [, ...old] = (await readFile(path, 'utf8').catch(() => '')).split(/^## /m);
  const sections = new Map(old.map((text) => [text.split('\n')[0]!, text.trimEnd()]));
  for (const table of tables) sections.set(table.workload, section(table, seeds));
  const text = [
    '# Categories, matching and questions on emoji',
    '',
    'Made by `pnpm bench emoji --write`: what models learn of emoji as some artists draw them, tested on',
    'artists whose drawings they never saw. Shares, mean ± deviation over the seeds, which decide',
    'parameters and order; the data are the same for all.',
    '',
    'Pictures and names are encoded once, by EfficientNet-Lite0 and MiniLM-L6 as they were published, and',
    'kept on disk. Trained are a layer on each, the fusion strategy and a head.',
    ...ORDER.flatMap((workload) => {
      const own = sections.get(workload);
      return own === undefined ? [] : ['', `## ${own}`];
    }),
    '',
  ].join('\n');
  await writeFile(path, text);
  say('written: docs/emoji-tasks.md');
}

function section({ workload, about, figures, rows }: Table, seeds: number): string {
  const line = (parts: readonly string[]) => `| ${parts.join(' | ')} |`;
  const day = new Date().toISOString().slice(0, 10);
  return [
    workload,
    '',
    ...about,
    `${seeds === 1 ? 'One seed' : `${seeds} seeds`}, ${day}.`,
    '',
    line(['', ...figures]),
    line(['---', ...figures.map(() => '--:')]),
    ...rows.map((row) => line(cells(row, figures))),
  ].join('\n');
}
