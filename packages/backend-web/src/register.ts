import { ChainruleError } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { TrainingKernel } from './kernel.js';
import { conv2dBackpropFilter } from './kernels/conv2d-backprop-filter.js';
import { conv2dBackpropInput } from './kernels/conv2d-backprop-input.js';
import { oneHot } from './kernels/one-hot.js';
import { unsortedSegmentSum } from './kernels/unsorted-segment-sum.js';
import type { WasmKernel } from './wasm/kernel.js';
import { wasmKernels } from './wasm/kernels.js';
import { hasSimd, simdOf } from './wasm/simd.js';

/** What training needs and a backend may lack, from operations that every backend has. */
export const composites: readonly TrainingKernel[] = [
  conv2dBackpropFilter,
  conv2dBackpropInput,
  unsortedSegmentSum,
  oneHot,
];

/** The wasm backend has these, but wrong (float one-hot) or many times too slow. */
const replacedOnWasm: readonly TrainingKernel[] = [oneHot, conv2dBackpropInput];

const ours = new WeakSet<object>();

/**
 * Registers the kernels that training needs and a backend lacks, under tfjs's own names, so that
 * `tf.conv2d`, `tf.gather` and the rest have gradients there. On the wasm backend it also puts
 * faster kernels in place of those that a training step spends its time in, where the engine has
 * SIMD. Call it once the backend's package is loaded; a second call changes nothing.
 * {@link useWeb} calls it.
 *
 * @returns the names of the kernels that it registered.
 * @example
 * await tf.setBackend('wasm');
 * registerTrainingKernels('wasm');
 */
export function registerTrainingKernels(backendName: string): readonly string[] {
  const onWasm = backendName === 'wasm';
  const kernels = new Map<string, TrainingKernel['compute']>();
  for (const kernel of composites) {
    const lacking = !tf.getKernel(kernel.name, backendName);
    if (lacking || (onWasm && replacedOnWasm.includes(kernel))) {
      kernels.set(kernel.name, kernel.compute);
    }
  }
  if (onWasm && hasSimd()) {
    for (const { name, compute } of wasmKernels) {
      const other = kernels.get(name) ?? tf.getKernel(name, backendName)?.kernelFunc;
      kernels.set(name, withFallback(name, compute, other as TrainingKernel['compute']));
    }
  }
  return [...kernels].flatMap(([name, compute]) => (put(name, backendName, compute) ? name : []));
}

function withFallback(
  name: string,
  compute: WasmKernel['compute'],
  other: TrainingKernel['compute'] | undefined,
): TrainingKernel['compute'] {
  return (args) => {
    const simd = simdOf(args.backend);
    const result = simd && compute(args, simd);
    if (result) return result;
    if (other) return other(args);
    throw new ChainruleError(
      'BACKEND',
      `backend-web: ${name} finds no memory to work on; use @tensorflow/tfjs-backend-wasm 4.22`,
    );
  };
}

/** False where the kernel is ours already. */
function put(name: string, backendName: string, compute: TrainingKernel['compute']): boolean {
  const present = tf.getKernel(name, backendName);
  if (present && ours.has(present.kernelFunc)) return false;
  if (present) tf.unregisterKernel(name, backendName);
  ours.add(compute);
  tf.registerKernel({
    kernelName: name,
    backendName,
    kernelFunc: compute as tf.KernelFunc,
    // The backend may not have been set up yet, and the kernel beneath ours needs it.
    ...(present?.setupFunc && { setupFunc: present.setupFunc }),
  });
  return true;
}
