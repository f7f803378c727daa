/** The distinct values of a column and, for each example, the number of its value. */
export interface Distinct<T> {
  readonly values: readonly T[];
  readonly ids: Int32Array;
}

export function distinct<T>(column: readonly T[], identity: (value: T) => string): Distinct<T> {
  const seen = new Map<string, number>();
  const values: T[] = [];
  const ids = new Int32Array(column.length);
  column.forEach((value, i) => {
    const name = identity(value);
    let id = seen.get(name);
    if (id === undefined) {
      id = values.length;
      seen.set(name, id);
      values.push(value);
    }
    ids[i] = id;
  });
  return { values, ids };
}

/**
 * Which distinct values a batch needs, in order of first use, and which of them each example uses.
 * `ids` is filled up by repeating itself to a multiple of `padTo`, but not beyond `most`: real values,
 * so that padding can not upset batch statistics or a mean over no words.
 */
export function gather(
  examples: readonly number[],
  column: Int32Array,
  padTo: number,
  most = Number.POSITIVE_INFINITY,
): { readonly ids: readonly number[]; readonly rows: readonly number[] } {
  const local = new Map<number, number>();
  const ids: number[] = [];
  const rows = examples.map((example) => {
    const id = column[example]!;
    let row = local.get(id);
    if (row === undefined) {
      row = ids.length;
      local.set(id, row);
      ids.push(id);
    }
    return row;
  });
  const real = ids.length;
  const padded = Math.max(real, Math.min(roundUp(real, padTo), most));
  for (let i = real; i < padded; i++) ids.push(ids[i - real]!);
  return { ids, rows };
}

export function roundUp(n: number, multiple: number): number {
  return Math.ceil(n / multiple) * multiple;
}
