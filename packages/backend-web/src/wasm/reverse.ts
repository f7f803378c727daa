import * as tf from '@tensorflow/tfjs-core';
import { product, type WasmKernel } from './kernel.js';

/** Mirrors one axis. */
export const reverse: WasmKernel = {
  name: tf.Reverse,
  compute({ inputs, attrs }, simd) {
    const x = inputs.x as tf.TensorInfo;
    const axes = tf.util.parseAxisParam((attrs as unknown as tf.ReverseAttrs).dims, x.shape);
    if (axes.length !== 1 || tf.util.bytesPerElement(x.dtype) !== 4) return undefined;
    const [axis] = axes as [number];
    const length = x.shape[axis]!;
    const bytes = 4 * product(x.shape.slice(axis + 1));
    const outer = product(x.shape.slice(0, axis));
    const out = simd.output(x.shape, x.dtype);
    const [from, to] = [simd.pointer(x), simd.pointer(out)];
    const stride = bytes * length;
    for (let i = 0; i < length; i++) {
      simd.call.copyRows!(
        from + i * bytes,
        stride,
        to + (length - 1 - i) * bytes,
        stride,
        bytes,
        outer,
      );
    }
    return out;
  },
};
