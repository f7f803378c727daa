import type { Dataset } from '@chainrule/data';

/** What can be had without looking: figures that a model must beat to have learnt anything. */
export interface Baselines {
  /** Always the commonest training answer. */
  readonly majority: number;
  /** For each question the commonest training answer to it, the picture unseen. */
  readonly textOnly?: number;
}

/** Accuracy on `test` of two models that merely count the training labels. */
export function baselines(train: Dataset, test: Dataset): Baselines {
  const majority = accuracy(train, test, () => '');
  return train.modalities.includes('text') && train.modalities.length > 1
    ? { majority, textOnly: accuracy(train, test, ({ inputs }) => inputs.text ?? '') }
    : { majority };
}

export type Example = Dataset['examples'][number];

function accuracy(train: Dataset, test: Dataset, keyOf: (example: Example) => string): number {
  const counts = new Map<string, Map<string, number>>();
  const overall = new Map<string, number>();
  for (const example of train.examples) {
    const label = example.label ?? '';
    const own = counts.get(keyOf(example)) ?? new Map<string, number>();
    counts.set(keyOf(example), own.set(label, (own.get(label) ?? 0) + 1));
    overall.set(label, (overall.get(label) ?? 0) + 1);
  }
  const right = test.examples.filter(
    (example) => commonest(counts.get(keyOf(example)) ?? overall) === example.label,
  );
  return right.length / test.examples.length;
}

function commonest(counts: ReadonlyMap<string, number>): string {
  return [...counts].reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}
