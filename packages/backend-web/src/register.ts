import * as tf from '@tensorflow/tfjs-core';
import type { TrainingKernel } from './kernel.js';
import { conv2dBackpropFilter } from './kernels/conv2d-backprop-filter.js';
import { conv2dBackpropInput } from './kernels/conv2d-backprop-input.js';
import { oneHot } from './kernels/one-hot.js';
import { unsortedSegmentSum } from './kernels/unsorted-segment-sum.js';

/** What training needs and a backend may lack, from operations that every backend has. */
const composites: readonly TrainingKernel[] = [
  conv2dBackpropFilter,
  conv2dBackpropInput,
  unsortedSegmentSum,
  oneHot,
];

/** Kernels that a backend has, but wrong or many times too slow. */
const replaced: { readonly [backend: string]: readonly TrainingKernel[] } = {
  wasm: [oneHot, conv2dBackpropInput],
};

/**
 * Registers the kernels that training needs and a backend lacks, under tfjs's own names, so that
 * `tf.conv2d`, `tf.gather` and the rest have gradients there. For the wasm backend it also
 * replaces those that are wrong (float one-hot) or slow. Call it once the backend's package is
 * loaded; a second call changes nothing. {@link useWeb} calls it.
 *
 * @returns the names of the kernels that it registered.
 * @example
 * await tf.setBackend('wasm');
 * registerTrainingKernels('wasm');
 */
export function registerTrainingKernels(backendName: string): readonly string[] {
  const replacing = replaced[backendName] ?? [];
  const registered: string[] = [];
  for (const kernel of composites) {
    const present = tf.getKernel(kernel.name, backendName);
    const ours = present?.kernelFunc === (kernel.compute as tf.KernelFunc);
    if (ours || (present && !replacing.includes(kernel))) continue;
    if (present) tf.unregisterKernel(kernel.name, backendName);
    tf.registerKernel({
      kernelName: kernel.name,
      backendName,
      kernelFunc: kernel.compute as tf.KernelFunc,
    });
    registered.push(kernel.name);
  }
  return registered;
}
