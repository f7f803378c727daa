import * as tf from '@tensorflow/tfjs-core';

/**
 * The maximum along axes, like `tf.max`, with a gradient that adds up: where several elements are
 * the maximum, they share dy. `tf.max` gives all of dy to each of them, and equal elements are
 * common: the empty parts of a picture, what a ReLU made 0.
 *
 * dx = dy·[x = y] / Σ[x = y].
 *
 * @example
 * const highest = reduceMax(featureMap, [1, 2]); // [batch, height, width, c] → [batch, c]
 */
export function reduceMax<T extends tf.Tensor>(x: tf.Tensor, axes: number | number[]): T {
  const op = tf.customGrad((...args) => {
    const [input, save] = args as [tf.Tensor, tf.GradSaveFunc];
    const kept = tf.max(input, axes, true);
    save([input, kept]);
    const reduced = [axes].flat().map((axis) => (axis < 0 ? axis + input.rank : axis));
    const shape = input.shape.filter((_, axis) => !reduced.includes(axis));
    return {
      value: tf.reshape(kept, shape),
      gradFunc: (dy: tf.Tensor, [saved, highest]: tf.Tensor[]) => {
        const chosen = tf.cast(tf.equal(saved!, highest!), 'float32');
        const share = tf.div(tf.reshape(dy, highest!.shape), tf.sum(chosen, axes, true));
        return tf.mul(chosen, share);
      },
    };
  });
  return op(x) as T;
}
