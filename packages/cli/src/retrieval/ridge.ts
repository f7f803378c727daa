import * as tf from '@tensorflow/tfjs-core';

/**
 * Ridge regression without an intercept: the W that minimises ‖XW − Y‖² + λn‖W‖², in closed form:
 * (XᵀX + λn)⁻¹XᵀY or Xᵀ(XXᵀ + λn)⁻¹Y, whichever is the smaller system. `x` is [n, in], `y` [n, out].
 */
export async function ridge(x: tf.Tensor2D, y: tf.Tensor2D, lambda: number): Promise<tf.Tensor2D> {
  const [rows, columns] = x.shape;
  const dual = rows < columns;
  const [system, right] = tf.tidy((): [tf.Tensor2D, tf.Tensor2D] => {
    const products = tf.matMul<tf.Tensor2D>(x, x, !dual, dual);
    const diagonal = tf.fill<tf.Rank.R1>([Math.min(rows, columns)], lambda * rows);
    return [
      tf.add<tf.Tensor2D>(products, tf.diag(diagonal)),
      dual ? tf.clone(y) : tf.matMul(x, y, true),
    ];
  });
  const solution = await solve(system, right);
  if (!dual) return solution;
  const kernel = tf.matMul<tf.Tensor2D>(x, solution, true);
  solution.dispose();
  return kernel;
}

/** Rows that are factorised at once: what is left are products of large matrices. */
const BLOCK = 256;

type Step = {
  /** Inverse of the block on the diagonal of L. */
  readonly inverse: tf.Tensor2D;
  /** What is below it. */
  readonly below: tf.Tensor2D;
  /** The rows of L⁻¹B beside it. */
  readonly right: tf.Tensor2D;
};

/**
 * A⁻¹B for a symmetric positive definite A, by a Cholesky factorisation A = LLᵀ in blocks. Takes both
 * tensors: they are disposed.
 */
async function solve(a: tf.Tensor2D, b: tf.Tensor2D): Promise<tf.Tensor2D> {
  const steps: Step[] = [];
  let [rest, right] = [a, b];
  while (rest.shape[0] > 0) {
    const left = Math.max(0, rest.shape[0] - BLOCK);
    const size = rest.shape[0] - left;
    const columns = right.shape[1];
    const corner = tf.slice2d(rest, [0, 0], [size, size]);
    const factor = inverseFactor(await corner.data<'float32'>(), size);
    const [x, y] = [rest, right];
    const next = tf.tidy(() => {
      const inverse = tf.tensor2d(factor, [size, size]);
      const own = tf.matMul<tf.Tensor2D>(inverse, tf.slice2d(y, [0, 0], [size, columns]));
      const below = tf.matMul<tf.Tensor2D>(
        tf.slice2d(x, [size, 0], [left, size]),
        inverse,
        false,
        true,
      );
      return {
        step: { inverse, below, right: own },
        rest: tf.sub<tf.Tensor2D>(
          tf.slice2d(x, [size, size], [left, left]),
          tf.matMul(below, below, false, true),
        ),
        right: tf.sub<tf.Tensor2D>(
          tf.slice2d(y, [size, 0], [left, columns]),
          tf.matMul(below, own),
        ),
      };
    });
    tf.dispose([corner, x, y]);
    steps.push(next.step);
    [rest, right] = [next.rest, next.right];
  }
  const solution = tf.tidy(() =>
    steps.reduceRight(
      (after, { inverse, below, right }) =>
        tf.concat2d(
          [
            tf.matMul(inverse, tf.sub<tf.Tensor2D>(right, tf.matMul(below, after, true)), true),
            after,
          ],
          0,
        ),
      right,
    ),
  );
  tf.dispose([rest, right, ...steps.map((step) => Object.values(step))].flat());
  return solution;
}

/** L⁻¹ of a small matrix, in float64. */
function inverseFactor(a: Float32Array, n: number): Float32Array {
  const l = new Float64Array(n * n);
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= l[i * n + k]! * l[j * n + k]!;
      l[i * n + j] = i === j ? Math.sqrt(sum) : sum / l[j * n + j]!;
    }
    for (let j = 0; j <= i; j++) {
      let sum = i === j ? 1 : 0;
      for (let k = j; k < i; k++) sum -= l[i * n + k]! * inverse[k * n + j]!;
      inverse[i * n + j] = sum / l[i * n + i]!;
    }
  }
  return Float32Array.from(inverse);
}
