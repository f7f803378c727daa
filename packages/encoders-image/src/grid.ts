import * as tf from '@tensorflow/tfjs-core';

/** Row and column of each place of a map, −1…1: `[1, height, width, 2]`. */
export function grid(height: number, width: number): tf.Tensor {
  const line = (count: number) => (count === 1 ? tf.zeros([1]) : tf.linspace(-1, 1, count));
  const ones = tf.ones([1, height, width, 1]);
  const rows = tf.mul(tf.reshape(line(height), [1, height, 1, 1]), ones);
  const columns = tf.mul(tf.reshape(line(width), [1, 1, width, 1]), ones);
  return tf.concat([rows, columns], 3);
}
