import * as tf from '@tensorflow/tfjs-core';

/** One product over all time steps: Σ_t h_{t−1}ᵀ · dz_t. The first step starts from h = 0. */
export function recurrentGradient(
  states: tf.Tensor3D,
  dGates: readonly tf.Tensor[],
  recurrent: tf.Tensor2D,
): tf.Tensor {
  const [time, batch, width] = states.shape;
  if (time === 1) return tf.zerosLike(recurrent);
  const rows = (time - 1) * batch;
  const before = tf.reshape(tf.slice(states, 0, time - 1), [rows, width]);
  return tf.matMul(before, tf.concat(dGates.slice(1), 0), true) as tf.Tensor;
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
