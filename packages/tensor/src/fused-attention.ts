import * as tf from '@tensorflow/tfjs-core';
import type { AttentionMask } from './attention.js';
import { runKernel } from './kernels.js';

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
  const seen = maskOf(mask);
  const operation = tf.customGrad((...args) => {
    const [q, k, v, save] = args as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    const [value, weights] = runKernel(ATTENTION, { q, k, v, mask: seen }, { heads });
    save([q, k, v, weights!]);
    return {
      value: value!,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [q, k, v, weights] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        return runKernel(ATTENTION_GRADIENT, { dy, q, k, v, weights }, { heads });
      },
    };
  });
  return operation(q, k, v) as tf.Tensor3D;
}

function maskOf(mask: AttentionMask | undefined): tf.Tensor3D {
  if (mask === undefined) return tf.zeros([0, 0, 0]);
  const [batch, memory] = [mask.shape[0], mask.shape.at(-1)!];
  return tf.cast(tf.reshape(mask, [batch, -1, memory]), 'float32');
}
