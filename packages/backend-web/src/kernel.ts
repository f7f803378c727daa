import type * as tf from '@tensorflow/tfjs-core';

export interface KernelArgs {
  readonly inputs: { readonly [name: string]: tf.TensorInfo };
  readonly attrs: { readonly [name: string]: unknown };
  readonly backend: unknown;
}

/** One of tfjs's kernels, for a backend that lacks it. */
export interface TrainingKernel {
  /** The name under which tfjs looks it up. */
  readonly name: string;
  readonly compute: (args: KernelArgs) => tf.TensorInfo | tf.TensorInfo[];
}
