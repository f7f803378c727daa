import { type Batch, disposeTree, type Tree } from '@chainrule/tensor';
import type * as tf from '@tensorflow/tfjs-core';

/** Batches in a given order for each epoch; `@chainrule/data`'s loader is one. */
export interface Batches {
  readonly stepsPerEpoch: number;
  /** Examples in one epoch. */
  readonly size: number;
  /** The batches of epoch `n` (from 0). Whoever iterates disposes each batch. */
  epoch(n: number, signal?: AbortSignal): AsyncIterable<Batch> | Iterable<Batch>;
}

/**
 * What a step may see of a batch. Sources add notes of their own (which examples these are), which
 * differ from batch to batch and would make a compiled step take each for a new one.
 */
export function stepInput({ inputs, rows, target, weight }: Batch): Batch {
  return { inputs, target, ...(rows && { rows }), ...(weight && { weight }) };
}

/** Frees what `train` and `evaluate` take from a source of batches. */
export function disposeBatch(batch: Batch): void {
  const { inputs, rows, target, weight } = batch;
  for (const part of [inputs, rows, target, weight])
    if (part !== undefined) disposeTree(part as Tree<tf.Tensor>);
}
