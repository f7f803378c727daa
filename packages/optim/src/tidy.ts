import * as tf from '@tensorflow/tfjs-core';

/** `tf.tidy` for results that its types do not know (read-only arrays), though it handles them. */
export function tidy<T>(f: () => T): T {
  return tf.tidy(f as () => tf.TensorContainer) as T;
}
