import { key, permutation, split } from '@chainrule/tensor';
import type { Batches } from '@chainrule/trainer';
import * as tf from '@tensorflow/tfjs-core';
import type { IndexedBatch } from './fit.js';

/** What a frozen encoder or a tokenizer made of some inputs, one row each. */
export interface Rows {
  readonly values: Float32Array | Int32Array;
  /** Of one row. */
  readonly shape: readonly number[];
}

/** Which row of each modality goes in, and the class that should come out. */
export interface RowExample {
  readonly rows: { readonly [modality: string]: number };
  readonly target: number;
}

export interface RowData {
  readonly inputs: { readonly [modality: string]: Rows };
  readonly examples: readonly RowExample[];
}

interface RowBatchesOptions {
  /** Examples in a batch; with `groupBy`, distinct rows of that modality. */
  readonly batchSize: number;
  /** Puts all examples of a row in one batch, so that it is encoded once. */
  readonly groupBy?: string;
  /** Of the order; without one the order stays. */
  readonly seed?: number;
}

/** What is filled up with rows that no example uses goes up to a multiple of this. */
const MULTIPLE = 64;

/** Batches of rows, each row once; filled up so that few shapes occur, as those of `loader` are. */
export function rowBatches({ inputs, examples }: RowData, options: RowBatchesOptions) {
  const { batchSize, groupBy, seed } = options;
  const groups = new Map<number, number[]>();
  examples.forEach(({ rows }, i) => {
    const group = groupBy === undefined ? i : rows[groupBy]!;
    groups.set(group, [...(groups.get(group) ?? []), i]);
  });
  const all = [...groups.values()];
  const stepsPerEpoch = Math.ceil(all.length / batchSize);

  const assemble = (indices: readonly number[]): IndexedBatch => {
    const multiple = groupBy === undefined ? batchSize : MULTIPLE;
    const count = roundUp(indices.length, multiple);
    const own = Object.entries(inputs).map(([name, table]) => {
      const used = indices.map((i) => examples[i]!.rows[name]!);
      const distinct = [...new Set(used)];
      const places = new Map(distinct.map((row, place) => [row, place]));
      const height = roundUp(distinct.length, name === groupBy ? batchSize : multiple);
      const rows = new Int32Array(count);
      rows.set(used.map((row) => places.get(row)!));
      return [name, gathered(table, distinct, height), tf.tensor1d(rows, 'int32')] as const;
    });
    const target = new Int32Array(count);
    target.set(indices.map((i) => examples[i]!.target));
    return {
      inputs: Object.fromEntries(own.map(([name, table]) => [name, table])),
      rows: Object.fromEntries(own.map(([name, , rows]) => [name, rows])),
      target: tf.tensor1d(target, 'int32'),
      weight: tf.tensor1d(new Float32Array(count).fill(1, 0, indices.length)),
      indices,
    };
  };

  return {
    size: examples.length,
    stepsPerEpoch,
    *epoch(n: number) {
      const order =
        seed === undefined
          ? [...all.keys()]
          : permutation(split(split(key(seed), 'rowBatches'), n), all.length);
      for (let start = 0; start < all.length; start += batchSize) {
        const chosen = Array.from(order.slice(start, start + batchSize));
        yield assemble(chosen.flatMap((group) => all[group]!));
      }
    },
  } satisfies Batches;
}

function gathered({ values, shape }: Rows, rows: readonly number[], height: number): tf.Tensor {
  const width = shape.reduce((product, n) => product * n, 1);
  const size = height * width;
  const out = values instanceof Int32Array ? new Int32Array(size) : new Float32Array(size);
  rows.forEach((row, i) => {
    out.set(values.subarray(row * width, (row + 1) * width), i * width);
  });
  const type = values instanceof Int32Array ? 'int32' : 'float32';
  return tf.tensor(out, [height, ...shape], type);
}

const roundUp = (count: number, multiple: number): number => Math.ceil(count / multiple) * multiple;
