import * as tf from '@tensorflow/tfjs-core';
import { product, type WasmKernel } from './kernel.js';

/** Rows by number. */
export const gather: WasmKernel = {
  name: tf.GatherV2,
  compute({ inputs, attrs }, simd) {
    const { x, indices } = inputs as { x: tf.TensorInfo; indices: tf.TensorInfo };
    const { axis, batchDims } = attrs as unknown as tf.GatherV2Attrs;
    const fits = x.dtype !== 'string' && x.dtype !== 'bool' && indices.dtype === 'int32';
    if (axis !== 0 || batchDims !== 0 || !fits || x.shape.length === 0) return undefined;
    const count = product(indices.shape);
    const rows = x.shape[0]!;
    const ids = new Int32Array(simd.memory.buffer, simd.pointer(indices), count);
    // The backend's own kernel says which id is out of range.
    if (!ids.every((id) => id >= 0 && id < rows)) return undefined;
    const rest = x.shape.slice(1);
    const out = simd.output([...indices.shape, ...rest], x.dtype);
    simd.call.gatherRows!(...[x, indices, out].map(simd.pointer), 4 * product(rest), count);
    return out;
  },
};
