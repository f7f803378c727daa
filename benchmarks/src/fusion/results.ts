import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { TaskName } from './tasks.js';

/** One training. */
export interface Run {
  readonly strategy: string;
  readonly task: TaskName;
  readonly seed: number;
  /** With modality dropout; its accuracies are those with 0, 30 and 60 % missing. */
  readonly dropout: boolean;
  readonly epochs: number;
  readonly images: number;
  /** By name: `all`, a kind of question, or `0`, `0.3`, `0.6` for what is missing. */
  readonly accuracy: { readonly [name: string]: number };
  readonly parameters: number;
  readonly stepMs: number;
  readonly seconds: number;
  /** Cores that it might use. */
  readonly cores: number;
}

/**
 * What was measured so far, so that a run that was stopped goes on where it was. Several processes may
 * add to one file: each reads it again before it trains or writes.
 */
export interface Results {
  readonly runs: readonly Run[];
  has(wanted: Pick<Run, Identity>): Promise<boolean>;
  add(run: Run): Promise<void>;
}

const IDENTITY = ['strategy', 'task', 'seed', 'dropout', 'epochs', 'images'] as const;
type Identity = (typeof IDENTITY)[number];

export async function openResults(path: string): Promise<Results> {
  const stored = async () =>
    JSON.parse(await readFile(path, 'utf8').catch(() => '[]')) as readonly Run[];
  let runs = await stored();
  const same = (a: Pick<Run, Identity>, b: Pick<Run, Identity>) =>
    IDENTITY.every((name) => a[name] === b[name]);
  return {
    get runs() {
      return runs;
    },
    async has(wanted) {
      runs = await stored();
      return runs.some((run) => same(run, wanted));
    },
    async add(run) {
      runs = [...(await stored()).filter((other) => !same(other, run)), run];
      await mkdir(dirname(path), { recursive: true });
      const partial = `${path}.${process.pid}`;
      await writeFile(partial, `[\n${runs.map((each) => JSON.stringify(each)).join(',\n')}\n]\n`);
      await rename(partial, path);
    },
  };
}

export interface Spread {
  readonly mean: number;
  /** Of the sample. */
  readonly deviation: number;
  readonly count: number;
}

export function spread(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const squares = values.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  const deviation = values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1));
  return { mean, deviation, count: values.length };
}
