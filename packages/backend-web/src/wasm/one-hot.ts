import * as tf from '@tensorflow/tfjs-core';
import { product, type WasmKernel } from './kernel.js';

/** `tf.oneHot` of any dtype; the backend's own writes integers into float tensors. */
export const oneHot: WasmKernel = {
  name: tf.OneHot,
  compute({ inputs, attrs }, simd) {
    const indices = inputs.indices as tf.TensorInfo;
    const { dtype, depth, onValue, offValue } = attrs as unknown as tf.OneHotAttrs;
    if (dtype !== 'float32' && dtype !== 'int32') return undefined;
    const count = product(indices.shape);
    const out = simd.output([...indices.shape, depth], dtype);
    const View = dtype === 'float32' ? Float32Array : Int32Array;
    const ids = new Int32Array(simd.memory.buffer, simd.pointer(indices), count);
    const values = new View(simd.memory.buffer, simd.pointer(out), count * depth).fill(offValue);
    ids.forEach((id, i) => {
      if (id >= 0 && id < depth) values[i * depth + id] = onValue;
    });
    return out;
  },
};
