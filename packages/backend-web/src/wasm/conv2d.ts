import * as tf from '@tensorflow/tfjs-core';
import { convolve, isPlain } from './convolution.js';
import type { WasmKernel } from './kernel.js';

/** A convolution of stride 1. */
export const conv2d: WasmKernel = {
  name: tf.Conv2D,
  compute({ inputs, attrs }, simd) {
    const { x, filter } = inputs as { x: tf.TensorInfo; filter: tf.TensorInfo };
    const { strides, pad, dataFormat, dilations, dimRoundingMode } =
      attrs as unknown as tf.Conv2DAttrs;
    if (dataFormat !== 'NHWC') return undefined;
    const info = tf.backend_util.computeConv2DInfo(
      x.shape as [number, number, number, number],
      filter.shape as [number, number, number, number],
      strides,
      dilations,
      pad,
      dimRoundingMode,
    );
    if (!isPlain(info)) return undefined;
    const { outHeight, outWidth, padInfo } = info;
    const { top, left } = padInfo;
    return convolve(simd, { x, filter, top, left, outHeight, outWidth, turned: false });
  },
};
