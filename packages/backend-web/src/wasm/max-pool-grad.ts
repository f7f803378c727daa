import * as tf from '@tensorflow/tfjs-core';
import { chunkOf, type WasmKernel } from './kernel.js';

/** The gradient of max pooling. The backend's own is slow, and wrong where windows are padded. */
export const maxPoolGrad: WasmKernel = {
  name: tf.MaxPoolGrad,
  compute({ inputs, attrs }, simd) {
    const { dy, input } = inputs as { dy: tf.TensorInfo; input: tf.TensorInfo };
    const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as tf.MaxPoolGradAttrs;
    const info = tf.backend_util.computePool2DInfo(
      input.shape as [number, number, number, number],
      filterSize,
      strides,
      1,
      pad,
      dimRoundingMode,
    );
    const { inHeight, inWidth, inChannels, filterHeight, filterWidth } = info;
    const { strideHeight, strideWidth, outHeight, outWidth, padInfo } = info;
    const { top, left, bottom, right } = padInfo;
    const sideBySide =
      top + bottom + left + right === 0 &&
      strideHeight === filterHeight &&
      strideWidth === filterWidth &&
      inChannels % 4 === 0;
    const covered = inHeight % filterHeight === 0 && inWidth % filterWidth === 0;
    const dx = sideBySide && covered ? simd.output(input.shape) : simd.zeros(input.shape);
    const sizes = [inHeight, inWidth, inChannels, filterHeight, filterWidth];
    const common = [...[input, dy, dx].map(simd.pointer), 0, info.batchSize, ...sizes];
    const ends = [strideHeight, strideWidth, top, left, outHeight, outWidth];
    simd.threads.run({
      name: sideBySide ? 'maxPoolGradient' : 'maxPoolGradientOfAny',
      args: sideBySide ? common : [...common, ...ends],
      at: 3,
      count: info.batchSize,
      chunk: chunkOf(info.batchSize),
    });
    return dx;
  },
};
