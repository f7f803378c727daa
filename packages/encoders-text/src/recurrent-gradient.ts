import * as tf from '@tensorflow/tfjs-core';

/**
 * The gradient of R from that of the gates of all steps, `[time, batch, gates]`: Σ_t h_{t−1}ᵀ · dz_t, one
 * product over all time steps. The first step starts from h = 0.
 */
export function recurrentGradient(states: tf.Tensor3D, dGates: tf.Tensor): tf.Tensor {
  const [time, batch, width] = states.shape;
  const gates = dGates.shape[2]!;
  if (time === 1) return tf.zeros([width, gates]);
  const rows = (time - 1) * batch;
  const before = tf.reshape(tf.slice(states, 0, time - 1), [rows, width]);
  const after = tf.reshape(tf.slice(dGates, 1), [rows, gates]);
  return tf.matMul(before, after, true) as tf.Tensor;
}

/**
 * Rᵀ as a matrix in memory. TensorFlow's graph optimiser would fold a plain transpose back into
 * each product (`transpose_b`), which is less than half as fast for small batches; through three
 * axes it does not.
 */
export function transposedOnce(matrix: tf.Tensor2D): tf.Tensor2D {
  const [rows, columns] = matrix.shape;
  const three = tf.transpose(tf.reshape(matrix, [rows, columns, 1]), [1, 2, 0]);
  return tf.reshape(three, [columns, rows]);
}
