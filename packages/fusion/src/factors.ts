import * as tf from '@tensorflow/tfjs-core';

/** x₁ ⊙ x₂ ⊙ … */
export function multiplied<T extends tf.Tensor>(factors: readonly T[]): T {
  return factors.reduce((z, x) => tf.mul(z, x));
}

/**
 * Sums `count` vectors that stand one after the other: `[batch, count · width]` → `[batch, width]`,
 * where column r · width + j is element j of vector r.
 */
export function sumPool(x: tf.Tensor2D, count: number): tf.Tensor2D {
  const [batch, columns] = x.shape;
  if (count === 1) return x;
  return tf.sum(tf.reshape(x, [batch, count, columns / count]), 1);
}

/**
 * Power and ℓ² normalisation along the last axis: s = sign(x)·√|x|, then s / ‖s‖.
 *
 * The root's slope at 0 is infinite, so s = x / √(|x| + 1e-8), whose slope there is 1e4.
 */
export function powerNormalize<T extends tf.Tensor>(x: T): T {
  const root = tf.mul(x, tf.rsqrt(tf.add(tf.abs(x), 1e-8)));
  const squared = tf.sum(tf.square(root), -1, true);
  return tf.mul(root, tf.rsqrt(tf.add(squared, 1e-12)));
}

/** Adds a constant 1 to each vector: [x; 1]. */
export function withOne(x: tf.Tensor2D): tf.Tensor2D {
  return tf.concat([x, tf.ones([x.shape[0], 1])], 1) as tf.Tensor2D;
}

/** The outer products of each example, flattened: `[batch, m]`, `[batch, n]` → `[batch, m · n]`. */
export function outer(x: tf.Tensor2D, y: tf.Tensor2D): tf.Tensor2D {
  const [batch, m] = x.shape;
  const n = y.shape[1];
  const product = tf.matMul(tf.reshape(x, [batch, m, 1]), tf.reshape(y, [batch, 1, n]));
  return tf.reshape(product, [batch, m * n]);
}

/**
 * Softmax across a list, element by element: wᵢ = exp(aᵢ) / Σⱼ exp(aⱼ), computed from logarithms so
 * that nothing overflows.
 */
export function softmaxAcross<T extends tf.Tensor>(logits: readonly T[]): T[] {
  const largest = logits.reduce((a, b) => tf.maximum(a, b));
  const powers = logits.map((a) => tf.exp(tf.sub(a, largest)));
  const sum = powers.reduce((a, b) => tf.add(a, b));
  return powers.map((power) => tf.div(power, sum));
}

/** xᵀ W y of each example: x meets W in one product, and what comes out meets y. */
export function bilinearForm(x: tf.Tensor2D, kernel: tf.Tensor3D, y: tf.Tensor2D): tf.Tensor2D {
  const batch = x.shape[0];
  const [m, n, width] = kernel.shape;
  const matrices = tf.reshape(tf.matMul(x, tf.reshape(kernel, [m, n * width])), [batch, n, width]);
  return tf.reshape(tf.matMul(tf.reshape(y, [batch, 1, n]), matrices), [batch, width]);
}
