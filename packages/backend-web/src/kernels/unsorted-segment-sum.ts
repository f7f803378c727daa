import * as tf from '@tensorflow/tfjs-core';
import type { TrainingKernel } from '../kernel.js';

/**
 * Sums rows by their segment, which is the gradient of a gather: x `[n, …]`, segmentIds int32
 * `[n]` → `[numSegments, …]`, as the product of the one-hot segment ids with x. Ids below 0 count
 * nowhere.
 */
export const unsortedSegmentSum: TrainingKernel = {
  name: tf.UnsortedSegmentSum,
  compute: ({ inputs, attrs }) => {
    const { x, segmentIds } = inputs as { x: tf.Tensor; segmentIds: tf.Tensor };
    const numSegments = attrs.numSegments as number;
    return tf.tidy(() => {
      const ids = tf.reshape(segmentIds, [1, segmentIds.size]);
      const segments = tf.reshape(tf.range(0, numSegments, 1, 'int32'), [numSegments, 1]);
      const chosen = tf.cast(tf.equal(segments, ids), 'float32');
      const rows = segmentIds.size;
      const product = tf.matMul(
        chosen,
        tf.cast(tf.reshape(x, [rows, x.size / rows]), 'float32') as tf.Tensor2D,
      );
      const shape = [numSegments, ...x.shape.slice(segmentIds.rank)];
      return tf.cast(tf.reshape(product, shape), x.dtype);
    });
  },
};
