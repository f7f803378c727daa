import * as tf from '@tensorflow/tfjs-core';

/** Widths in multiples of this fill the registers of a processor. */
const LANES = 16;

/**
 * Whether the present backend has a fused kernel of that name, and it takes rows of this width:
 * those that are compiled for registers take multiples of 16.
 */
export const hasKernel = (kernel: string, width = LANES): boolean =>
  width % LANES === 0 && tf.getKernel(kernel, tf.getBackend()) !== undefined;

/** Runs a kernel of the present backend. */
export const runKernel = (
  kernel: string,
  inputs: tf.NamedTensorMap,
  attributes: tf.NamedAttrMap = {},
): tf.Tensor[] => [tf.engine().runKernel(kernel, inputs, attributes)].flat() as tf.Tensor[];
