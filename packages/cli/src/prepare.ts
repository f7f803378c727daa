import { type Dataset, type Loader, type LoaderOptions, loader } from '@chainrule/data';
import { fitWordTokenizer, type Tokenizer } from '@chainrule/encoders-text';
import type { Task } from './task.js';

export interface Prepared {
  readonly train: Loader;
  readonly validation?: Loader;
  readonly test: Loader;
  /** Fitted to the training texts; none where there are none. */
  readonly tokenizer?: Tokenizer;
  readonly imageSize: readonly [number, number];
}

/** The batches of a task: pictures with all their questions, texts by a tokenizer of their own. */
export function prepare(task: Task, options: { seed: number; imageSize: number }): Prepared {
  const texts = task.train.examples.flatMap(({ inputs }) => inputs.text ?? []);
  const tokenizer = texts.length === 0 ? undefined : fitWordTokenizer(texts);
  const imageSize = [options.imageSize, options.imageSize] as const;
  const common: LoaderOptions = {
    batchSize: batchSize(task.train),
    seed: options.seed,
    imageSize,
    ...(task.train.modalities.includes('image') && { groupBy: 'image' }),
    ...(tokenizer && { tokenizer, maxLength: tokenizer.maxLength }),
  };
  const inOrder = (data: Dataset) => loader(data, { ...common, shuffle: false });
  return {
    train: loader(task.train, common),
    ...(task.validation && { validation: inOrder(task.validation) }),
    test: inOrder(task.test),
    ...(tokenizer && { tokenizer }),
    imageSize,
  };
}

/**
 * Images (or examples, where there are none) in a batch: 64, but so few of small data that an epoch
 * has at least three steps.
 */
export function batchSize({ examples }: Pick<Dataset, 'examples'>): number {
  const distinct = new Set(examples.map(({ inputs }, i) => inputs.image?.id ?? i)).size;
  return Math.min(64, Math.max(8, 2 ** Math.floor(Math.log2(distinct / 3))));
}
