import type * as tf from '@tensorflow/tfjs-core';
import type { KernelArgs } from '../kernel.js';
import type { Simd } from './simd.js';

/** A kernel on the wasm backend's memory. */
export interface WasmKernel {
  readonly name: string;
  /** Undefined where this is no case for it: then the backend's own kernel computes it. */
  compute(args: KernelArgs, simd: Simd): tf.TensorInfo | tf.TensorInfo[] | undefined;
}

/** The product of sizes. */
export const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/**
 * Cuts a range into eight chunks at most, whatever the number of threads, so that sums are added
 * up in the same order on every machine.
 */
export const chunkOf = (count: number): number => Math.ceil(count / 8);
