import { fusedKernel, hasKernel, runKernel } from '@chainrule/tensor';
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
 * The kernel by which a backend may multiply and add in one pass: `{ x, y }`, attributes `{ count }`. Its
 * gradient takes `{ dz, x, y }` and gives dx and dy.
 */
const FACTOR_SUM = 'FactorSum';
const FACTOR_SUM_GRADIENT = 'FactorSumGradient';

/** `sumPool(multiplied(factors), count)`. */
export function factorSum(factors: readonly tf.Tensor2D[], count: number): tf.Tensor2D {
  if (factors.length === 1 || !hasKernel(FACTOR_SUM)) return sumPool(multiplied(factors), count);
  return fusedKernel<tf.Tensor2D>({
    kernel: FACTOR_SUM,
    inputs: { x: multiplied(factors.slice(0, -1)), y: factors.at(-1)! },
    attributes: { count },
    gradient: (dz, { x, y }) => runKernel(FACTOR_SUM_GRADIENT, { dz, x: x!, y: y! }, { count }),
  });
}

const BELOW_ROOT = 1e-8;

/**
 * Power and ℓ² normalisation along the last axis: s = sign(x)·√|x|, y = s / ‖s‖.
 *
 * The root's slope at 0 is infinite, so s = x·r with r = 1 / √(|x| + ε), ε = 1e-8, whose slope there
 * is 1e4. The gradient takes fewer passes than the tape's: with n = 1 / ‖s‖,
 * ds = n(dy − y Σ dy·y) and dx = ds · r(1 + ε r²) / 2.
 */
export function powerNormalize<T extends tf.Tensor>(x: T): T {
  const op = tf.customGrad((...args) => {
    const [input, save] = args as [tf.Tensor, tf.GradSaveFunc];
    const inverseRoot = tf.rsqrt(tf.add(tf.abs(input), BELOW_ROOT));
    const root = tf.mul(input, inverseRoot);
    const inverseLength = tf.rsqrt(tf.add(tf.sum(tf.square(root), -1, true), 1e-12));
    const value = tf.mul(root, inverseLength);
    save([value, inverseRoot, inverseLength]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [y, r, n] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        const across = tf.sub(dy, tf.mul(y, tf.sum(tf.mul(dy, y), -1, true)));
        const slope = tf.mul(r, tf.add(tf.mul(tf.square(r), BELOW_ROOT / 2), 0.5));
        return tf.mul(tf.mul(across, n), slope);
      },
    };
  });
  return op(x) as T;
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
