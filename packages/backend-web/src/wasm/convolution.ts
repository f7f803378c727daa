import type * as tf from '@tensorflow/tfjs-core';
import type { ConvolutionInfo } from '../kernels/convolution.js';
import { chunkOf } from './kernel.js';
import type { Simd } from './simd.js';

/** What our functions do: windows side by side, none left out. */
export const isPlain = (info: ConvolutionInfo): boolean =>
  info.strideHeight === 1 &&
  info.strideWidth === 1 &&
  info.dilationHeight === 1 &&
  info.dilationWidth === 1;

export interface Convolution {
  readonly x: tf.TensorInfo;
  readonly filter: tf.TensorInfo;
  readonly top: number;
  readonly left: number;
  readonly outHeight: number;
  readonly outWidth: number;
  /** Turns the window by 180° and exchanges the filter's channels, as the input's gradient needs. */
  readonly turned: boolean;
}

/** x `[batch, height, width, channels]` ∗ filter → `[batch, outHeight, outWidth, filters]`. */
export function convolve(simd: Simd, convolution: Convolution): tf.TensorInfo {
  const { x, filter, top, left, outHeight, outWidth, turned } = convolution;
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [filterHeight, filterWidth, inner, outer] = filter.shape as [
    number,
    number,
    number,
    number,
  ];
  const filters = turned ? inner : outer;
  const packedBytes = 32 * filterHeight * filterWidth * channels * Math.ceil(filters / 8);
  const out = simd.output([batch, outHeight, outWidth, filters]);
  const paddedBytes = 4 * (outHeight + filterHeight - 1) * (outWidth + filterWidth - 1) * channels;
  const packed = simd.scratch(packedBytes + simd.threads.count * paddedBytes);
  simd.call.packFilter!(
    simd.pointer(filter),
    filterHeight,
    filterWidth,
    channels,
    filters,
    ...(turned ? [4, 4 * outer] : [4 * outer, 4]),
    Number(turned),
    packed,
  );
  const args = [
    simd.pointer(x),
    0,
    batch,
    height,
    width,
    channels,
    top,
    left,
    packed,
    filterHeight,
    filterWidth,
    outHeight,
    outWidth,
    filters,
    simd.pointer(out),
    packed + packedBytes,
  ];
  const chunk = chunkOf(batch);
  simd.threads.run({
    name: 'convolve',
    args,
    at: 1,
    count: batch,
    chunk,
    byThread: [15, paddedBytes],
  });
  return out;
}
