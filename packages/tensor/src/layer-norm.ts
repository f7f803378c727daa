import * as tf from '@tensorflow/tfjs-core';
import { runKernel } from './kernels.js';

/**
 * The kernel by which a backend may do layer norm in one pass: `{ x, scale, offset }`, attributes
 * `{ epsilon }` → y, and each row's μ and 1/√(σ² + ε) for the gradient.
 */
export const LAYER_NORM = 'LayerNorm';
/** Its gradient: `{ dy, x, scale, mean, inverse }` → dx, dscale, doffset. */
export const LAYER_NORM_GRADIENT = 'LayerNormGradient';

/** Layer norm over the last axis by these kernels. */
export function fusedLayerNorm<T extends tf.Tensor>(
  x: T,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  epsilon: number,
): T {
  const operation = tf.customGrad((...args) => {
    const [x, scale, offset, save] = args as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    const [value, mean, inverse] = runKernel(LAYER_NORM, { x, scale, offset }, { epsilon });
    save([x, scale, mean!, inverse!]);
    return {
      value: value!,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [x, scale, mean, inverse] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        return runKernel(LAYER_NORM_GRADIENT, { dy, x, scale, mean, inverse });
      },
    };
  });
  return operation(x, scale, offset) as T;
}
