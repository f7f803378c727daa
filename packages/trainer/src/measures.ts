import type { Measures } from './events.js';

/** A running mean of measures over examples. */
export function averager(): {
  add(measures: Measures, examples: number): void;
  mean(): Measures;
} {
  const sums: { [name: string]: number } = {};
  let total = 0;
  return {
    add(measures, examples) {
      total += examples;
      for (const [name, value] of Object.entries(measures)) {
        sums[name] = (sums[name] ?? 0) + value * examples;
      }
    },
    mean: () =>
      Object.fromEntries(
        Object.entries(sums).map(([name, sum]) => [name, sum / total]),
      ) as Measures,
  };
}
