import * as tf from '@tensorflow/tfjs-core';
import { product, type WasmKernel } from './kernel.js';
import type { Simd } from './simd.js';

/** Cuts an axis into parts of these lengths, each a tensor of its own. */
function parts(simd: Simd, x: tf.TensorInfo, axis: number, lengths: readonly number[]) {
  const inner = 4 * product(x.shape.slice(axis + 1));
  const outer = product(x.shape.slice(0, axis));
  const stride = inner * x.shape[axis]!;
  let from = simd.pointer(x);
  return lengths.map((length) => {
    const bytes = length * inner;
    const part = simd.output(
      x.shape.map((size, i) => (i === axis ? length : size)),
      x.dtype,
    );
    simd.call.copyRows!(from, stride, simd.pointer(part), bytes, bytes, outer);
    from += bytes;
    return part;
  });
}

/** `tf.split`. */
export const split: WasmKernel = {
  name: tf.SplitV,
  compute({ inputs, attrs }, simd) {
    const x = inputs.x as tf.TensorInfo;
    if (tf.util.bytesPerElement(x.dtype) !== 4) return undefined;
    const { numOrSizeSplits, axis } = attrs as unknown as tf.SplitVAttrs;
    const [which] = tf.util.parseAxisParam(axis, x.shape) as [number];
    const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, numOrSizeSplits, which);
    return parts(simd, x, which, sizes);
  },
};

/** `tf.unstack`. */
export const unpack: WasmKernel = {
  name: tf.Unpack,
  compute({ inputs, attrs }, simd) {
    const value = inputs.value as tf.TensorInfo;
    if (tf.util.bytesPerElement(value.dtype) !== 4) return undefined;
    const { axis } = attrs as unknown as tf.UnpackAttrs;
    const which = axis < 0 ? axis + value.shape.length : axis;
    const lengths = new Array<number>(value.shape[which]!).fill(1);
    return parts(simd, value, which, lengths).map((part) => ({
      ...part,
      shape: part.shape.filter((_, i) => i !== which),
    }));
  },
};
