import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../../../scripts/lib/run.mjs';
import { say } from '../harness.js';
import { type ChartRow, dotChart, type Panel } from './chart.js';
import { type Run, type Spread, spread } from './results.js';
import type { Budget } from './tasks.js';

/** What is known of one strategy. */
export interface Summary {
  readonly strategy: string;
  readonly xor: Spread | undefined;
  readonly vqa: Spread | undefined;
  readonly nonRelational: Spread | undefined;
  readonly relational: Spread | undefined;
  readonly parameters: number | undefined;
  readonly stepMs: number | undefined;
  /** On how many cores that was. */
  readonly cores: readonly number[];
  /** With 0, 30 and 60 % of the examples lacking a modality. */
  readonly missing: readonly (number | undefined)[];
}

export const RATES = [0, 0.3, 0.6] as const;

export function summarize(runs: readonly Run[], strategies: readonly string[]): Summary[] {
  return strategies.map((strategy) => {
    const own = runs.filter((run) => run.strategy === strategy);
    const plain = (task: string) => own.filter((run) => run.task === task && !run.dropout);
    const values = (task: string, name: string) =>
      spread(plain(task).flatMap(({ accuracy }) => accuracy[name] ?? []));
    const robust = own.find(({ dropout }) => dropout);
    const steps = plain('vqa').map(({ stepMs }) => stepMs);
    return {
      strategy,
      xor: values('xor', 'all'),
      vqa: values('vqa', 'all'),
      nonRelational: values('clevr', 'nonRelational'),
      relational: values('clevr', 'relational'),
      parameters: plain('vqa')[0]?.parameters,
      stepMs: steps.length === 0 ? undefined : Math.min(...steps),
      cores: own.map(({ cores }) => cores),
      missing: RATES.map((rate) => robust?.accuracy[`${rate}`]),
    };
  });
}

/** Best on relations and on easy-VQA first. */
export function ranked(summaries: readonly Summary[]): Summary[] {
  const score = ({ xor, vqa, relational }: Summary) =>
    [xor, vqa, relational].reduce((sum, value) => sum + (value?.mean ?? 0), 0);
  return summaries.toSorted((a, b) => score(b) - score(a));
}

export const head = [
  'strategy',
  'XOR',
  'easy-VQA',
  'CLEVR, one object',
  'CLEVR, relations',
  'parameters',
  'ms a step',
  '0 % missing',
  '30 %',
  '60 %',
] as const;

const percent = (share: number | undefined) =>
  share === undefined ? '–' : (100 * share).toFixed(1);
/** A single training has no deviation to show. */
const both = (value: Spread | undefined) =>
  value === undefined || value.count === 1
    ? percent(value?.mean)
    : `${percent(value.mean)} ± ${(100 * value.deviation).toFixed(1)}`;

export function cells(row: Summary): string[] {
  const { xor, vqa, nonRelational, relational, parameters, stepMs, missing } = row;
  return [
    row.strategy,
    ...[xor, vqa, nonRelational, relational].map(both),
    parameters?.toLocaleString('en') ?? '–',
    stepMs?.toFixed(0) ?? '–',
    ...missing.map(percent),
  ];
}

const panels: readonly Panel[] = [
  { title: 'XOR of modalities, %', from: 0.4, chance: 0.5 },
  { title: 'easy-VQA, %', from: 0.6, chance: 0.67 },
  { title: 'Sort-of-CLEVR, relations, %', from: 0.3, chance: 0.43 },
];

/** Writes `docs/fusion-evidence.md` and its chart. */
export async function write(
  rows: readonly Summary[],
  budget: Budget,
  seeds: number,
): Promise<void> {
  const line = (parts: readonly string[]) => `| ${parts.join(' | ')} |`;
  const chart = rows.map(
    ({ strategy, xor, vqa, relational }): ChartRow => ({
      name: strategy,
      values: [xor, vqa, relational],
    }),
  );
  const { epochs, clevrImages } = budget;
  const cores = [...new Set(rows.flatMap((row) => row.cores))]
    .toSorted((a, b) => a - b)
    .join(' or ');
  const text = [
    '# Every fusion strategy on the same tasks',
    '',
    `Made by \`pnpm bench fusion\` on ${new Date().toISOString().slice(0, 10)}, each training on ${cores} core${cores === '1' ? '' : 's'}. Encoders, head, optimiser, epochs and`,
    'seeds are the same for all strategies, which have their default options (`relationNetwork`: two layers, the',
    `maximum and the mean of pairs, batch norm). Accuracy in %, mean ± deviation over up to ${seeds}`,
    'seeds; without a deviation it is that of one, and a dash is not trained yet. [What follows from it](choosing-a-fusion.md).',
    '',
    '![Accuracy of each strategy on three tasks](fusion-evidence.svg)',
    '',
    line(head),
    line(head.map((_, i) => (i === 0 ? '---' : '--:'))),
    ...rows.map((row) => line(cells(row))),
    '',
    `- **XOR**: do a dark or bright picture and three words agree? Encoders and head are linear, ${epochs.xor} epochs. Chance is 50.`,
    `- **easy-VQA**: the model of \`npm start\`, ${epochs.vqa} epochs. Without the picture 67 is the best.`,
    `- **CLEVR**: Sort-of-CLEVR with ${clevrImages.toLocaleString('en')} pictures instead of 9,800, ${epochs.clevr} epochs, questions about one object and about`,
    '  relations. What full training reaches: `pnpm bench clevr`.',
    '- **parameters** of the strategy, and **ms a step**, compiled, of 64 pictures and their 640 questions, both on easy-VQA:',
    '  the least of the medians of the seeds. What else the machine did meanwhile adds to it.',
    '- **missing**: easy-VQA, trained once more within `modalityDropout` of 30 %; then so many of the test',
    '  questions lack the picture or the words.',
    '',
  ].join('\n');
  const folder = join(root, 'docs');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'fusion-evidence.md'), text);
  await writeFile(
    join(folder, 'fusion-evidence.svg'),
    dotChart('Accuracy by fusion strategy', panels, chart),
  );
  say('written: docs/fusion-evidence.md, docs/fusion-evidence.svg');
}
