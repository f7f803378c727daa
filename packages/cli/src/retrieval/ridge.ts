import * as tf from '@tensorflow/tfjs-core';
import { tensorOf } from './pairs.js';

/**
 * Ridge regression with an intercept: the W and b that minimise ‖XW + b − Y‖² + λn‖W‖², in closed
 * form by a Cholesky factorisation in float64. `x` is [n, in] and `y` [n, out], row by row.
 *
 * @param lambda relative to the number of rows, for features of deviation 1.
 */
export async function ridge(
  x: readonly Float32Array[],
  y: readonly Float32Array[],
  lambda: number,
): Promise<{ readonly kernel: tf.Tensor2D; readonly bias: tf.Tensor1D }> {
  const [width, out] = [x[0]!.length, y[0]!.length];
  const [gram, cross, means] = tf.tidy(() => {
    const [a, b] = [tensorOf(x), tensorOf(y)];
    const [p, q] = [tf.mean(a, 0, true), tf.mean(b, 0, true)];
    const centred = tf.sub<tf.Tensor2D>(a, p);
    return [
      tf.div(tf.matMul(centred, centred, true), x.length),
      tf.div(tf.matMul(centred, tf.sub<tf.Tensor2D>(b, q), true), x.length),
      tf.concat([p, q], 1),
    ] as const;
  });
  const factor = Float64Array.from(await gram.data());
  const solution = Float64Array.from(await cross.data());
  const mean = await means.data();
  tf.dispose([gram, cross, means]);
  for (let i = 0; i < width; i++) factor[i * width + i]! += lambda;
  cholesky(factor, width);
  solve(factor, solution, width, out);
  const bias = Float32Array.from({ length: out }, (_, o) => {
    let sum = mean[width + o]!;
    for (let i = 0; i < width; i++) sum -= mean[i]! * solution[i * out + o]!;
    return sum;
  });
  return {
    kernel: tf.tensor2d(Float32Array.from(solution), [width, out]),
    bias: tf.tensor1d(bias),
  };
}

/** A = L·Lᵀ, in place: L is the lower triangle. */
function cholesky(a: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= a[i * n + k]! * a[j * n + k]!;
      a[i * n + j] = i === j ? Math.sqrt(sum) : sum / a[j * n + j]!;
    }
  }
}

/** L·Lᵀ·X = B, in place: B `[n, columns]` becomes X. */
function solve(l: Float64Array, b: Float64Array, n: number, columns: number): void {
  const subtract = (to: number, from: number, factor: number) => {
    for (let c = 0; c < columns; c++) b[to * columns + c]! -= factor * b[from * columns + c]!;
  };
  const divide = (row: number) => {
    for (let c = 0; c < columns; c++) b[row * columns + c]! /= l[row * n + row]!;
  };
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) subtract(i, k, l[i * n + k]!);
    divide(i);
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) subtract(i, k, l[k * n + i]!);
    divide(i);
  }
}
