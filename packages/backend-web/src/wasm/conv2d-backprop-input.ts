import * as tf from '@tensorflow/tfjs-core';
import { convolutionInfo } from '../kernels/convolution.js';
import { convolve, isPlain } from './convolution.js';
import type { WasmKernel } from './kernel.js';

/** The gradient of a convolution's input, which is a convolution of dy with the turned filter. */
export const conv2dBackpropInput: WasmKernel = {
  name: tf.Conv2DBackpropInput,
  compute({ inputs, attrs }, simd) {
    const { dy, filter } = inputs as { dy: tf.TensorInfo; filter: tf.TensorInfo };
    const info = convolutionInfo(attrs, attrs.inputShape as number[], filter.shape);
    const top = info.filterHeight - 1 - info.padInfo.top;
    const left = info.filterWidth - 1 - info.padInfo.left;
    if (!isPlain(info) || top < 0 || left < 0) return undefined;
    const { inHeight: outHeight, inWidth: outWidth } = info;
    return convolve(simd, { x: dy, filter, top, left, outHeight, outWidth, turned: true });
  },
};
