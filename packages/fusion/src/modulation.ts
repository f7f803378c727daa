import { type DenseParams, dense, type Key, tidy } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

/** γ ⊙ x + β of each token, [γ − 1, β] linear in what is seen. */
export interface Modulation {
  init(key: Key): DenseParams;
  apply(params: DenseParams, seen: tf.Tensor2D, x: tf.Tensor3D): tf.Tensor3D;
}

export function modulation(seen: number, width: number): Modulation {
  const layer = dense({ in: seen, out: 2 * width });
  return {
    // γ starts near 1 and β near 0, so that features pass and what is seen blows nothing up.
    init: (key) =>
      tidy(() => {
        const params = layer.init(key);
        return { ...params, kernel: tf.mul(params.kernel, 0.3) };
      }),
    apply: (params, what, x) => {
      const both = tf.expandDims(layer.apply(params, what), 1);
      const [gamma, beta] = tf.split(both, 2, 2) as [tf.Tensor3D, tf.Tensor3D];
      return tf.add(tf.mul(x, tf.add(gamma, 1)), beta);
    },
  };
}
