import * as tf from '@tensorflow/tfjs-core';

/** `tf.tidy` for any tree or record of tensors, which its own types do not know though it handles them. */
export function tidy<T>(f: () => T): T {
  return tf.tidy(f as () => tf.TensorContainer) as T;
}
