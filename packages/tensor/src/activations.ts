import * as tf from '@tensorflow/tfjs-core';
import { geluTanh } from './gelu.js';
import { glorotUniform, heNormal, type Initializer } from './initializers.js';

/**
 * Element-wise activations by name. `gelu` is the tanh approximation of Hendrycks and Gimpel
 * (2016): ½x(1 + tanh(√(2/π)(x + 0.044715x³))).
 */
export const activations = {
  linear: <T extends tf.Tensor>(x: T): T => x,
  relu: <T extends tf.Tensor>(x: T): T => tf.relu(x),
  tanh: <T extends tf.Tensor>(x: T): T => tf.tanh(x),
  sigmoid: <T extends tf.Tensor>(x: T): T => tf.sigmoid(x),
  gelu: geluTanh,
} as const;

export type Activation = keyof typeof activations;

/** He for activations that zero half of their input, Glorot for the others. */
export function initializerFor(activation: Activation): Initializer {
  return activation === 'relu' || activation === 'gelu' ? heNormal : glorotUniform;
}
