import * as tf from '@tensorflow/tfjs-core';
import { product, type WasmKernel } from './kernel.js';

/** Sums over the first axes, as the gradient of a bias does: the backend would transpose it all. */
export const sum: WasmKernel = {
  name: tf.Sum,
  compute({ inputs, attrs }, simd) {
    const x = inputs.x as tf.TensorInfo;
    const { axis, keepDims } = attrs as unknown as tf.SumAttrs;
    const axes = tf.util.parseAxisParam(axis, x.shape).sort((a, b) => a - b);
    const rest = x.shape.slice(axes.length);
    const leading = axes.every((each, i) => each === i);
    if (x.dtype !== 'float32' || axes.length === 0 || rest.length === 0 || !leading) {
      return undefined;
    }
    const out = simd.zeros(keepDims ? [...axes.map(() => 1), ...rest] : rest);
    const width = product(rest);
    const rows = product(x.shape.slice(0, axes.length));
    const pointers = [simd.pointer(x), simd.pointer(out)];
    simd.call.sumOfManyRows!(...pointers, width, rows, simd.scratch(4 * width));
    return out;
  },
};
