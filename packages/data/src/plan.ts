import { key, permutation, split } from '@chainrule/tensor';

/** What decides which examples stand in which batch. */
export interface PlanOptions {
  /** For each example, the number of its group; examples of one group stay together. */
  readonly groups: Int32Array | undefined;
  readonly count: number;
  /** Examples per batch, or groups per batch where there are groups. */
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly last: 'keep' | 'drop';
}

/**
 * The order of the examples in an epoch: one list of example numbers per batch. Every example
 * stands in exactly one batch, except where the last, smaller batch is dropped.
 */
export interface Plan {
  readonly steps: number;
  batches(seed: number, epoch: number): readonly (readonly number[])[];
}

export function plan({ groups, count, batchSize, shuffle, last }: PlanOptions): Plan {
  const members = groups === undefined ? undefined : membersOf(groups);
  const units = members?.length ?? count;
  const steps = last === 'drop' ? Math.floor(units / batchSize) : Math.ceil(units / batchSize);
  return {
    steps,
    batches(seed, epoch) {
      const order = shuffle
        ? permutation(split(split(key(seed), 'order'), epoch), units)
        : Uint32Array.from({ length: units }, (_, i) => i);
      return Array.from({ length: steps }, (_, step) => {
        const batch = [...order.subarray(step * batchSize, (step + 1) * batchSize)];
        return members === undefined ? batch : batch.flatMap((group) => members[group]!);
      });
    },
  };
}

function membersOf(groups: Int32Array): number[][] {
  const members: number[][] = [];
  groups.forEach((group, example) => {
    members[group] ??= [];
    members[group].push(example);
  });
  return members;
}
