import * as tf from '@tensorflow/tfjs-core';

/**
 * x·Φ(x) = ½x(1 + erf(x/√2)), of which `activations.gelu` of `@chainrule/tensor` is an
 * approximation that is off by up to 5·10⁻⁴: too much for weights that were trained with this one.
 * Its derivative is Φ(x) + xφ(x).
 */
export const geluExact = <T extends tf.Tensor>(x: T): T => operation(x) as T;

const cdf = (x: tf.Tensor) => tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);

const operation = tf.customGrad((...args) => {
  const [x, save] = args as [tf.Tensor, tf.GradSaveFunc];
  save([x]);
  return {
    // In this order TensorFlow's graph optimiser knows it, and fuses it with the product before it.
    value: tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)),
    gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [x] = saved as [tf.Tensor];
      const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return tf.mul(dy, tf.add(cdf(x), tf.mul(x, density)));
    },
  };
});
