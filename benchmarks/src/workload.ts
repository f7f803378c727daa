import { type Executor, flatten, type Tree, treeToSafetensors } from '@chainrule/tensor';
import type * as tf from '@tensorflow/tfjs-core';

/** A benchmark's work, as our contestants do it. */
export interface Workload {
  /** Parameters and batch, for the peers: the same numbers that `prepare` uses. */
  data(): Promise<Data> | Data;
  prepare(executor: Executor): Promise<Work> | Work;
}

export interface Data {
  readonly tensors: Tree<tf.Tensor>;
  /** Settings that a peer needs beside the tensors. */
  readonly settings?: { readonly [name: string]: string };
}

export interface Work {
  readonly parameters: number;
  /** Does the work once and gives the loss. */
  step(): Promise<number>;
  /** Numbers to compare with the peers', asked for when the first step gave `loss`. */
  checks(loss: number): Promise<{ readonly [name: string]: number }>;
}

/** The file that peers read: safetensors, in the metadata the settings. */
export function encode({ tensors, settings }: Data): Uint8Array {
  return treeToSafetensors(tensors, settings);
}

/** √Σx² over all leaves. */
export async function norm(tree: Tree<tf.Tensor>): Promise<number> {
  let sum = 0;
  for (const [, leaf] of flatten(tree)) for (const x of await leaf.data()) sum += x * x;
  return Math.sqrt(sum);
}
