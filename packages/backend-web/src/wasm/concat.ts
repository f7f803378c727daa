import * as tf from '@tensorflow/tfjs-core';
import { product, type WasmKernel } from './kernel.js';

/** `tf.concat`. */
export const concat: WasmKernel = {
  name: tf.Concat,
  compute({ inputs, attrs }, simd) {
    const parts = Object.values(inputs);
    const first = parts[0]!;
    const [axis] = tf.util.parseAxisParam(attrs.axis as number, first.shape) as [number];
    const plain = parts.every(
      ({ dtype }) => dtype === first.dtype && tf.util.bytesPerElement(dtype) === 4,
    );
    if (!plain || first.dtype === 'string' || parts.length < 2) return undefined;
    const shape = tf.backend_util.computeOutShape(
      parts.map((part) => part.shape),
      axis,
    );
    const out = simd.output(shape, first.dtype);
    const rows = product(shape.slice(0, axis));
    const stride = 4 * product(shape.slice(axis));
    let to = simd.pointer(out);
    for (const part of parts) {
      const bytes = 4 * product(part.shape.slice(axis));
      simd.call.copyRows!(simd.pointer(part), bytes, to, stride, bytes, rows);
      to += bytes;
    }
    return out;
  },
};
