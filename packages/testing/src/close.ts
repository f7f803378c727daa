import { isTensor } from '@chainrule/tensor';
import type { Tensor } from '@tensorflow/tfjs-core';

/** What can be compared: a tensor, a number, a typed array, nested lists, or `{ shape, data }` of a fixture. */
export type Numbers =
  | Tensor
  | number
  | ArrayLike<number>
  | NestedNumbers
  | { readonly shape: readonly number[]; readonly data: ArrayLike<number> };
export type NestedNumbers = readonly (number | NestedNumbers)[];

export interface Tolerance {
  /** Relative to the expected value; default 1e-5. */
  readonly rtol?: number;
  /** Default 1e-6. */
  readonly atol?: number;
}

interface Flat {
  /** Absent where only the numbers are known (a typed array). */
  readonly shape?: readonly number[];
  readonly values: ArrayLike<number>;
}

function flat(value: Numbers): Flat {
  if (typeof value === 'number') return { values: [value] };
  if (isTensor(value)) return { shape: value.shape, values: value.dataSync() };
  if (Array.isArray(value)) return { shape: shapeOf(value), values: value.flat(Infinity) };
  if ('data' in value) return { shape: value.shape, values: value.data };
  return { values: value as ArrayLike<number> };
}

function shapeOf(list: NestedNumbers): number[] {
  const [first] = list;
  return [list.length, ...(Array.isArray(first) ? shapeOf(first as NestedNumbers) : [])];
}

function indices(position: number, shape: readonly number[]): string {
  const index: number[] = [];
  let rest = position;
  for (const size of [...shape].reverse()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return `[${index.join(', ')}]`;
}

/**
 * Passes where |actual − expected| ≤ atol + rtol·|expected| for every element, and the shapes are
 * equal where both sides have one. A flat list compares with a tensor of any shape. NaN equals NaN.
 *
 * @throws Error that names the first mismatch, how many there are, and the largest difference.
 */
export function expectClose(
  actual: Numbers,
  expected: Numbers,
  { rtol = 1e-5, atol = 1e-6 }: Tolerance = {},
): void {
  const a = flat(actual);
  const e = flat(expected);
  const ranks = a.shape && e.shape && a.shape.length > 1 && e.shape.length > 1;
  if ((ranks && a.shape.join() !== e.shape.join()) || a.values.length !== e.values.length) {
    const [got, wanted] = [a, e].map((x) => `[${x.shape ?? x.values.length}]`);
    throw new Error(`expectClose: shape ${got}, expected ${wanted}`);
  }
  const shape = a.shape ?? e.shape ?? [a.values.length];
  let first = -1;
  let count = 0;
  let largest = 0;
  for (let i = 0; i < a.values.length; i++) {
    const [x, y] = [a.values[i]!, e.values[i]!];
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    const difference = Math.abs(x - y);
    if (difference <= atol + rtol * Math.abs(y)) continue;
    if (first < 0) first = i;
    count++;
    largest = difference > largest || Number.isNaN(difference) ? difference : largest;
  }
  if (count > 0) {
    throw new Error(
      `expectClose: ${count} of ${a.values.length} values differ (rtol ${rtol}, atol ${atol}); ` +
        `first at ${indices(first, shape)}: ${a.values[first]}, expected ${e.values[first]}; ` +
        `largest difference ${largest}`,
    );
  }
}
