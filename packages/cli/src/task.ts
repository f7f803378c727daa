import { type Dataset, split } from '@chainrule/data';
import { easyVqa, manifest } from '@chainrule/data/node';
import { ChainruleError } from '@chainrule/tensor';

/** The data of one job: what to learn from and what to be measured on. */
export interface Task {
  readonly name: string;
  readonly train: Dataset;
  readonly test: Dataset;
  /** Where it comes from, and its licence. */
  readonly source: string;
}

/** easy-VQA, or a user's own manifest. */
export async function openTask(
  options: { readonly data?: string; readonly seed: number },
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<Task> {
  if (options.data === undefined) {
    const { train, test } = await easyVqa({ log, signal });
    return {
      name: 'easy-vqa',
      train,
      test,
      source: 'easy-VQA by Victor Zhou, MIT licence',
    };
  }
  const whole = await manifest(options.data);
  const parts = split(whole, { fractions: { train: 0.8, test: 0.2 }, seed: options.seed });
  const test = parts.test ?? parts.validation;
  if (test === undefined) {
    throw new ChainruleError(
      'DATA_SPLIT',
      `${options.data}: every row has the split "train"; give some the split "test", or leave the column out`,
    );
  }
  return { name: whole.name, train: parts.train, test, source: options.data };
}
