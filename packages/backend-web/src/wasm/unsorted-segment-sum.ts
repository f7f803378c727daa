import * as tf from '@tensorflow/tfjs-core';
import { product, type WasmKernel } from './kernel.js';

/** Sums rows by their segment: the gradient of a gather. */
export const unsortedSegmentSum: WasmKernel = {
  name: tf.UnsortedSegmentSum,
  compute({ inputs, attrs }, simd) {
    const { x, segmentIds } = inputs as { x: tf.TensorInfo; segmentIds: tf.TensorInfo };
    if (x.dtype !== 'float32' || segmentIds.dtype !== 'int32') return undefined;
    const segments = attrs.numSegments as number;
    const count = product(segmentIds.shape);
    const rest = x.shape.slice(segmentIds.shape.length);
    const out = simd.zeros([segments, ...rest]);
    const pointers = [x, segmentIds, out].map(simd.pointer);
    simd.call.sumRows!(...pointers, product(rest), count, segments);
    return out;
  },
};
