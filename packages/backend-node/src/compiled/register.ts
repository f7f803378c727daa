import * as tf from '@tensorflow/tfjs-core';

const NATIVE = 'tensorflow';

export interface KernelArgs {
  readonly inputs: tf.NamedTensorInfoMap;
  readonly attrs: { readonly [name: string]: unknown };
  readonly backend: unknown;
}

/** Registers a kernel of the native backend, in place of one of that name. */
export function register(
  kernelName: string,
  kernelFunc: (args: KernelArgs) => tf.TensorInfo | tf.TensorInfo[],
): void {
  if (tf.getKernel(kernelName, NATIVE)) tf.unregisterKernel(kernelName, NATIVE);
  tf.registerKernel({ kernelName, backendName: NATIVE, kernelFunc: kernelFunc as tf.KernelFunc });
}
