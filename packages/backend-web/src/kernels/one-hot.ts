import * as tf from '@tensorflow/tfjs-core';
import type { TrainingKernel } from '../kernel.js';

/**
 * `tf.oneHot` by comparison. The wasm backend's own writes integers whatever the dtype, so that a
 * float32 one-hot tensor holds 1.4e-45 in place of 1.
 */
export const oneHot: TrainingKernel = {
  name: tf.OneHot,
  compute: ({ inputs, attrs }) => {
    const indices = inputs.indices as tf.Tensor;
    const { dtype, depth, onValue, offValue } = attrs as unknown as tf.OneHotAttrs;
    return tf.tidy(() => {
      const classes = tf.range(0, depth, 1, 'int32');
      const chosen = tf.equal(tf.expandDims(indices, -1), classes);
      const scaled = tf.add(tf.mul(tf.cast(chosen, 'float32'), onValue - offValue), offValue);
      return tf.cast(scaled, dtype);
    });
  },
};
