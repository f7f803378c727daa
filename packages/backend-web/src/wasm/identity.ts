import * as tf from '@tensorflow/tfjs-core';
import type { WasmKernel } from './kernel.js';

/**
 * `tf.clone`, which tfjs also calls for every tensor that a gradient needs later. The backend copies
 * the numbers; ours counts one more owner of the same ones, as a reshape does.
 */
export const identity: WasmKernel = {
  name: tf.Identity,
  compute({ inputs, backend }) {
    const { dataId, shape, dtype } = inputs.x as tf.TensorInfo;
    if (dtype === 'string') return undefined;
    (backend as { incRef(dataId: object): void }).incRef(dataId);
    return { dataId, shape, dtype };
  },
};
