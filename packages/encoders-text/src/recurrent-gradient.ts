import * as tf from '@tensorflow/tfjs-core';

/**
 * The gradients of the gates of all steps, as one tensor, and of R: Σ_t h_{t−1}ᵀ · dz_t, one product
 * over all time steps. The first step starts from h = 0.
 */
export function recurrentGradients(
  states: tf.Tensor3D,
  dGates: readonly tf.Tensor[],
  recurrent: tf.Tensor2D,
): [dGates: tf.Tensor, dRecurrent: tf.Tensor] {
  const [time, batch, width] = states.shape;
  const all = tf.stack([...dGates]);
  if (time === 1) return [all, tf.zerosLike(recurrent)];
  const rows = (time - 1) * batch;
  const before = tf.reshape(tf.slice(states, 0, time - 1), [rows, width]);
  const after = tf.reshape(tf.slice(all, 1), [rows, recurrent.shape[1]]);
  return [all, tf.matMul(before, after, true) as tf.Tensor];
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
