import * as tf from '@tensorflow/tfjs-core';
import { glorotUniform, heNormal, type Initializer } from './initializers.js';

const LINEAR = 2 * Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715 * LINEAR;

/**
 * Element-wise activations by name. `gelu` is the tanh approximation of Hendrycks and Gimpel
 * (2016): ½x(1 + tanh(√(2/π)(x + 0.044715x³))).
 */
export const activations = {
  linear: <T extends tf.Tensor>(x: T): T => x,
  relu: <T extends tf.Tensor>(x: T): T => tf.relu(x),
  tanh: <T extends tf.Tensor>(x: T): T => tf.tanh(x),
  sigmoid: <T extends tf.Tensor>(x: T): T => tf.sigmoid(x),
  gelu: <T extends tf.Tensor>(x: T): T => tf.tidy(() => gelu(x)) as T,
} as const;

export type Activation = keyof typeof activations;

/** He for activations that zero half of their input, Glorot for the others. */
export function initializerFor(activation: Activation): Initializer {
  return activation === 'relu' || activation === 'gelu' ? heNormal : glorotUniform;
}

/**
 * ½(1 + tanh z) is σ(2z), so that gelu(x) = x·σ(p) with p = 2√(2/π)(x + 0.044715x³), and its
 * derivative is σ + xp′·σ(1 − σ). Written out, forward and backward are half the passes over memory
 * that the tape's gradient takes.
 */
const gelu = tf.customGrad((...args) => {
  const [x, save] = args as [tf.Tensor, tf.GradSaveFunc];
  const gate = tf.sigmoid(tf.mul(x, tf.add(tf.mul(tf.square(x), CUBIC), LINEAR)));
  save([x, gate]);
  return {
    value: tf.mul(x, gate),
    gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [x, gate] = saved as [tf.Tensor, tf.Tensor];
      const slope = tf.mul(x, tf.add(tf.mul(tf.square(x), 3 * CUBIC), LINEAR));
      return tf.mul(dy, tf.add(gate, tf.mul(slope, tf.mul(gate, tf.sub(1, gate)))));
    },
  };
});
