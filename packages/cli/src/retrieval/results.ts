import type { Measures } from '@chainrule/retrieval';
import { ChainruleError, type Json } from '@chainrule/tensor';
import { table } from '../terminal.js';
import { spread } from './measure.js';

/** Recall over the seeds, from text to image. */
interface Score {
  readonly recallAt1: number;
  readonly recallAt10: number;
  /** Of recallAt1 over the seeds (sample); null of one seed. */
  readonly deviation: number | null;
  /** Of recallAt10. */
  readonly deviationAt10: number | null;
}

/** By the two styles of the held-out artist. */
interface Styles {
  readonly flat: Score;
  readonly solid: Score;
}

/** What a run measured. */
export interface Results {
  readonly seeds: number;
  readonly taskA: Styles;
  readonly taskB: Styles;
  /** Task A without any pretrained encoder. */
  readonly fromScratch: Styles;
  readonly seconds: number;
}

/** One score of what each seed reached. */
export function scoreOf(runs: readonly { readonly recall: { readonly [k: number]: number } }[]) {
  const at = (k: number) => spread(runs.map(({ recall }) => recall[k]!));
  const [first, ten] = [at(1), at(10)];
  return {
    recallAt1: first.mean,
    recallAt10: ten.mean,
    deviation: first.deviation,
    deviationAt10: ten.deviation,
  };
}

/** Both styles, of what each seed reached. */
export const stylesOf = (
  runs: readonly { readonly flat: Measures; readonly solid: Measures }[],
): Styles => ({
  flat: scoreOf(runs.map(({ flat }) => flat)),
  solid: scoreOf(runs.map(({ solid }) => solid)),
});

/** Measured before on the same tasks (seed 0 of the splits), R@1 and R@10. */
const REFERENCES: readonly (readonly [string, A: Pair, B: Pair])[] = [
  ['flat: 24×24 pixels', [0.046, 0.157], [0.023, 0.179]],
  ['flat: linear probe', [0.277, 0.628], [0.14, 0.479]],
  ['flat: two-layer head, no augmentation', [0.416, 0.717], [0.14, 0.443]],
];
const SOLID_REFERENCE = ['3D: linear probe', [0.218, 0.538], [0.111, 0.417]] as const;

type Pair = readonly [number, number];

/** The reference table with this run's rows. */
export function resultsTable({ taskA, taskB, fromScratch }: Results): string {
  const plain = (value: number) => value.toFixed(3).replace(/^0/, '');
  const measured = ({ recallAt1, recallAt10, deviation, deviationAt10 }: Score) => {
    const shown = (mean: number, spread: number | null) =>
      spread === null ? plain(mean) : `${plain(mean)} ± ${plain(spread)}`;
    return [shown(recallAt1, deviation), shown(recallAt10, deviationAt10)];
  };
  const reference = ([name, a, b]: readonly [string, Pair, Pair]) => [
    name,
    ...[...a, ...b].map(plain),
  ];
  return table(
    ['text to image', 'A: R@1', 'A: R@10', 'B: R@1', 'B: R@10'],
    [
      ...REFERENCES.map(reference),
      ['flat: from scratch', ...measured(fromScratch.flat), '', ''],
      ['flat: this run', ...measured(taskA.flat), ...measured(taskB.flat)],
      reference(SOLID_REFERENCE),
      ['3D: from scratch', ...measured(fromScratch.solid), '', ''],
      ['3D: this run', ...measured(taskA.solid), ...measured(taskB.solid)],
    ],
  );
}

/** What `--json` prints: the flat style, text to image. */
export function resultsJson({ taskA, taskB, fromScratch }: Results): string {
  const brief = ({ recallAt1, recallAt10, deviation }: Score) => ({
    recallAt1,
    recallAt10,
    deviation,
  });
  return JSON.stringify({
    taskA: brief(taskA.flat),
    taskB: brief(taskB.flat),
    fromScratch: brief(fromScratch.flat),
  });
}

/** Results as a saved model's `about` holds them. */
export function resultsOf(about: unknown): Results {
  const found = (about as { readonly results?: Results } | undefined)?.results;
  if (found?.taskA?.flat && found.taskB?.flat && found.fromScratch?.flat) return found;
  throw new ChainruleError('MODEL_FILE', 'retrieval: the saved model has no results; --retrain');
}

export const asJson = (results: Results): Json => JSON.parse(JSON.stringify(results)) as Json;
