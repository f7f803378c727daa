import * as tf from '@tensorflow/tfjs-core';
import { convolutionInfo } from '../kernels/convolution.js';
import { isPlain } from './convolution.js';
import { chunkOf, type WasmKernel } from './kernel.js';

/** The gradient of a convolution's filter: one product of the windows, transposed, with dy. */
export const conv2dBackpropFilter: WasmKernel = {
  name: tf.Conv2DBackpropFilter,
  compute({ inputs, attrs }, simd) {
    const { x, dy } = inputs as { x: tf.TensorInfo; dy: tf.TensorInfo };
    const filterShape = attrs.filterShape as number[];
    const info = convolutionInfo(attrs, x.shape, filterShape);
    if (!isPlain(info)) return undefined;
    const { filterHeight, filterWidth, inChannels, outHeight, outWidth, outChannels } = info;
    const width = 8 * Math.ceil(outChannels / 8);
    const rows = filterHeight * filterWidth * inChannels;
    const gradientBytes = 4 * rows * width;
    const paddedBytes =
      4 * (outHeight + filterHeight - 1) * (outWidth + filterWidth - 1) * inChannels;
    const widenedBytes = width === outChannels ? 0 : 4 * outHeight * outWidth * width;
    const chunk = chunkOf(info.batchSize);
    const chunks = Math.ceil(info.batchSize / chunk);
    const scratchBytes = paddedBytes + widenedBytes;
    const gradient = simd.scratch(chunks * gradientBytes + simd.threads.count * scratchBytes);
    new Uint8Array(simd.memory.buffer, gradient, chunks * gradientBytes).fill(0);
    simd.threads.run({
      name: 'filterGradient',
      args: [
        simd.pointer(x),
        0,
        0,
        info.inHeight,
        info.inWidth,
        inChannels,
        info.padInfo.top,
        info.padInfo.left,
        simd.pointer(dy),
        filterHeight,
        filterWidth,
        outHeight,
        outWidth,
        outChannels,
        gradient,
        gradient + chunks * gradientBytes,
      ],
      at: 1,
      count: info.batchSize,
      chunk,
      byChunk: [14, gradientBytes],
      byThread: [15, scratchBytes],
    });
    const rest = gradient + gradientBytes;
    simd.call.sumOfRows!(rest, gradient, rows * width, chunks - 1);
    const out = simd.output(filterShape);
    const bytes = 4 * outChannels;
    simd.call.copyRows!(gradient, 4 * width, simd.pointer(out), bytes, bytes, rows);
    return out;
  },
};
