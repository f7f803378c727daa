import type { Measures } from './events.js';

/** A running mean of measures over examples. */
export interface Averager {
  add(measures: Measures, examples: number): void;
  /** `undefined` where there was no example. */
  mean(): Measures | undefined;
}

export function averager(): Averager {
  const sums = new Map<string, number>();
  let total = 0;
  return {
    add(measures, examples) {
      total += examples;
      for (const [name, value] of Object.entries(measures)) {
        sums.set(name, (sums.get(name) ?? 0) + value * examples);
      }
    },
    mean: () =>
      total === 0
        ? undefined
        : (Object.fromEntries([...sums].map(([name, sum]) => [name, sum / total])) as Measures),
  };
}
