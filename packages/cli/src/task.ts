import { basename, dirname, extname, resolve } from 'node:path';
import { type Dataset, split } from '@chainrule/data';
import { easyVqa, manifest } from '@chainrule/data/node';
import { ChainruleError } from '@chainrule/tensor';

/** The data of one job: what to learn from and what to be measured on. */
export interface Task {
  readonly name: string;
  readonly train: Dataset;
  /** What decides which epoch is the best, where the manifest names such rows. */
  readonly validation?: Dataset;
  readonly test: Dataset;
  /** Where it comes from, and its licence. */
  readonly source: string;
}

export interface TaskOptions {
  readonly data?: string;
  readonly seed: number;
}

/** `easy-vqa`, or the manifest's name; `manifest` alone says little, so then its folder's. */
export function taskName({ data }: Pick<TaskOptions, 'data'>): string {
  if (data === undefined) return 'easy-vqa';
  const own = basename(data, extname(data));
  const name = own === 'manifest' ? basename(dirname(resolve(data))) || own : own;
  return name.replace(/[^\p{L}\p{N}_-]+/gu, '-');
}

/** easy-VQA, or a user's own manifest. */
export async function openTask(
  options: TaskOptions,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<Task> {
  const name = taskName(options);
  if (options.data === undefined) {
    const { train, test } = await easyVqa({ log, signal });
    return { name, train, test, source: 'easy-VQA by Victor Zhou, MIT licence' };
  }
  const whole = await manifest(options.data);
  const parts = split(whole, { fractions: { train: 0.8, test: 0.2 }, seed: options.seed });
  const { train, validation, test = validation } = parts;
  if (test === undefined) {
    throw new ChainruleError(
      'DATA_SPLIT',
      `${options.data}: every row has the split "train"; give some the split "test", or leave the column out`,
    );
  }
  // Data that chose the epoch do not measure it as well.
  const chooses = validation !== undefined && validation !== test;
  return { name, train, ...(chooses && { validation }), test, source: options.data };
}
