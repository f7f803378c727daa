import type * as tf from '@tensorflow/tfjs-core';
import { fusedKernel, runKernel } from './kernels.js';

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
  return fusedKernel<T>({
    kernel: LAYER_NORM,
    inputs: { x, scale, offset },
    attributes: { epsilon },
    gradient: (dy, { x, scale }, [, mean, inverse]) =>
      runKernel(LAYER_NORM_GRADIENT, { dy, x: x!, scale: scale!, mean: mean!, inverse: inverse! }),
  });
}
