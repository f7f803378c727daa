import * as tf from '@tensorflow/tfjs-core';

/**
 * `value(x)`, whose gradient is `slope(x)` times the incoming one: the backward pass is one
 * product. `value` may have lost trailing axes of `slope`, as a loss of each row has.
 */
export function withSlope<T extends tf.Tensor>(
  x: tf.Tensor,
  f: (x: tf.Tensor) => { readonly value: T; readonly slope: tf.Tensor },
): T {
  const operation = tf.customGrad((input, save) => {
    const { value, slope } = f(input as tf.Tensor);
    (save as (tensors: tf.Tensor[]) => void)([slope]);
    const gradFunc = (dy: T, [saved]: tf.Tensor[]) => {
      const trailing = saved!.shape.slice(dy.shape.length).fill(1);
      const row = trailing.length === 0 ? dy : tf.reshape(dy, [...dy.shape, ...trailing]);
      return tf.mul(row, saved!);
    };
    return { value, gradFunc };
  });
  return operation(x) as T;
}
