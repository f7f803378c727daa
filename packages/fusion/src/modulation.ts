import { type DenseParams, dense, type Key, tidy } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { modulate } from './modulate.js';

/** r(γ ⊙ x + β) of each token, r the ReLU, [γ − 1, β] linear in what is seen. */
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
    apply: (params, what, x) => modulate(x, layer.apply(params, what)),
  };
}
