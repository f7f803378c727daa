import * as tf from '@tensorflow/tfjs-core';

/** x / max(‖x‖, 10⁻¹²), row by row. The square root never sees 0, where it has no slope. */
export const unit = (x: tf.Tensor2D): tf.Tensor2D =>
  tf.mul(x, tf.rsqrt(tf.maximum(tf.sum(tf.square(x), 1, true), 1e-24)));

/**
 * min(x, most), whose gradient at the limit still leads back: only what would raise x further is
 * dropped, as if x were clipped after each step.
 */
export function limited(x: tf.Scalar, most: number): tf.Scalar {
  const operation = tf.customGrad((...args) => {
    const [input, save] = args as [tf.Tensor, tf.GradSaveFunc];
    save([input]);
    return {
      value: tf.minimum(input, most),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const free = tf.logicalOr(tf.less(saved[0]!, most), tf.greater(dy, 0));
        return tf.mul(dy, tf.cast(free, 'float32'));
      },
    };
  });
  return operation(x) as tf.Scalar;
}
