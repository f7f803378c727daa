import * as tf from '@tensorflow/tfjs-core';
import type { AttentionMask } from './attention.js';
import { fusedKernel, runKernel } from './kernels.js';

/**
 * The kernel by which a backend may do attention with several heads where they lie:
 * `{ q, k, v, mask }`, attributes `{ heads }` → y and the weights, for the gradient. The mask is
 * `[batch, 1 or queries, memory]`, or has no elements.
 */
export const ATTENTION = 'MultiHeadAttention';
/** Its gradient: `{ dy, q, k, v, weights }` → dq, dk, dv. */
export const ATTENTION_GRADIENT = 'MultiHeadAttentionGradient';

/**
 * Scaled dot-product attention of every head by these kernels. q `[batch, queries, width]`, k and v
 * `[batch, memory, width]`, the heads side by side → `[batch, queries, width]`.
 */
export function fusedAttention(
  q: tf.Tensor3D,
  k: tf.Tensor3D,
  v: tf.Tensor3D,
  heads: number,
  mask?: AttentionMask,
): tf.Tensor3D {
  return fusedKernel<tf.Tensor3D>({
    kernel: ATTENTION,
    inputs: { q, k, v },
    constants: { mask: maskOf(mask) },
    attributes: { heads },
    gradient: (dy, { q, k, v }, [, weights]) =>
      runKernel(ATTENTION_GRADIENT, { dy, q: q!, k: k!, v: v!, weights: weights! }, { heads }),
  });
}

function maskOf(mask: AttentionMask | undefined): tf.Tensor3D {
  if (mask === undefined) return tf.zeros([0, 0, 0]);
  const [batch, memory] = [mask.shape[0], mask.shape.at(-1)!];
  return tf.cast(tf.reshape(mask, [batch, -1, memory]), 'float32');
}
