import * as tf from '@tensorflow/tfjs-core';
import type { AttentionParams } from './attention.js';

/** What the cost of an attention depends on. */
interface Sizes {
  readonly queries: number;
  readonly memory: number;
  readonly memoryWidth: number;
  readonly width: number;
  readonly heads: number;
}

/** The folded products are small and so slower for their size: they must be so many times fewer. */
const FEWER = 4;

/** Whether `foldedAttention` is worth it: where few ask many. */
export function isFolded({ queries, memory, memoryWidth, width, heads }: Sizes): boolean {
  const plain = memory * width * (memoryWidth + queries);
  const folded = queries * memoryWidth * (width + heads * memory);
  return FEWER * folded <= plain;
}

/**
 * Multi-head attention with its products in another order, so that the memory needs no keys and values
 * of its own: of each head, with weights w that add up to 1,
 *
 * q·(W_k m)ᵀ = (q·W_kᵀ)·mᵀ  and  Σₜ wₜ (W_v mₜ + b_v) = W_v (Σₜ wₜ mₜ) + b_v.
 *
 * q `[batch, queries, width]`, memory `[batch, tokens, memoryWidth]` → `[batch, queries, width]`, the
 * heads side by side.
 *
 * @param attend is the attention of one head that has the memory as keys and values.
 * @param seen is 0 where an example has nothing that may be seen, `[batch, 1, 1]`.
 */
export function foldedAttention(
  q: tf.Tensor3D,
  memory: tf.Tensor3D,
  { key, value }: Pick<AttentionParams, 'key' | 'value'>,
  heads: number,
  attend: (query: tf.Tensor3D, memory: tf.Tensor3D) => tf.Tensor3D,
  seen: tf.Tensor | undefined,
): tf.Tensor3D {
  const [batch, queries, width] = q.shape;
  const memoryWidth = memory.shape[2];
  const depth = width / heads;
  /** `[n, heads · depth]` → `[heads, n, depth]`. */
  const headsFirst = (x: tf.Tensor) =>
    tf.transpose(tf.reshape(x, [-1, heads, depth]), [1, 0, 2]) as tf.Tensor3D;
  /** The heads of all examples ↔ the examples with all their heads. */
  const exchanged = (x: tf.Tensor3D, outer: number, inner: number): tf.Tensor3D => {
    const apart = tf.reshape(x, [outer, inner, queries, memoryWidth]);
    const turned = tf.transpose(apart, [1, 0, 2, 3]);
    return tf.reshape(turned, [inner, outer * queries, memoryWidth]);
  };
  return tf.tidy(() => {
    // `attend` divides by √memoryWidth.
    const scaled = headsFirst(tf.mul(q, Math.sqrt(memoryWidth / depth)));
    const asking = tf.matMul(scaled, headsFirst(key.kernel), false, true) as tf.Tensor3D;
    const found = attend(exchanged(asking, heads, batch), memory);
    const gathered = exchanged(found, batch, heads);
    const values = tf.matMul(gathered, headsFirst(value.kernel));
    const y = tf.reshape(tf.transpose(values, [1, 0, 2]), q.shape);
    const bias = value.bias as tf.Tensor1D;
    return tf.add(y, seen ? tf.mul(bias, seen) : bias);
  });
}
