import type { DenseParams } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { repeated } from './tokens.js';

/** Which pairs are of two real tokens, `[batch, m · n]`; undefined where all are. */
export function pairMask(
  x: tf.Tensor2D | undefined,
  y: tf.Tensor2D | undefined,
  [batch, m, n]: readonly [number, number, number],
): tf.Tensor2D | undefined {
  if (x === undefined && y === undefined) return undefined;
  const column = tf.reshape(x ?? tf.ones([batch, m]), [batch, m, 1]);
  const row = tf.reshape(y ?? tf.ones([batch, n]), [batch, 1, n]);
  return tf.reshape(tf.mul(column, row), [batch, m * n]);
}

/**
 * A linear layer of `[xᵢ; xⱼ; q]` for all pairs of an example's tokens, `[batch · n · n, width]`. It is
 * applied to xᵢ, xⱼ and q on their own and then added, which is the same and much cheaper.
 */
export function allPairs(
  { kernel, bias }: DenseParams,
  tokens: tf.Tensor3D,
  question: tf.Tensor2D,
): tf.Tensor2D {
  const [batch, n, size] = tokens.shape;
  const width = kernel.shape[1]!;
  const rows = (from: number, count: number) => tf.slice(kernel, [from, 0], [count, width]);
  const flat = tf.reshape(tokens, [batch * n, size]);
  const left = tf.reshape(tf.matMul(flat, rows(0, size)), [batch, n, 1, width]);
  const right = tf.reshape(tf.matMul(flat, rows(size, size)), [batch, 1, n, width]);
  const asked = tf.matMul(question, rows(2 * size, question.shape[1]));
  const q = tf.reshape(tf.add(asked, bias as tf.Tensor1D), [batch, 1, 1, width]);
  return tf.reshape(tf.add(tf.add(left, q), right), [batch * n * n, width]);
}

/** Row and column of each object, −1…1; where their number is no square, all are in one row. */
function places(n: number): tf.Tensor2D {
  const side = Math.round(Math.sqrt(n));
  const [rows, columns] = side * side === n ? [side, side] : [1, n];
  const at = (index: number, count: number) => (count === 1 ? 0 : (2 * index) / (count - 1) - 1);
  const values = Array.from({ length: n }, (_, i) => [
    at(Math.floor(i / columns), rows),
    at(i % columns, columns),
  ]);
  return tf.tensor2d(values);
}

/** The tokens, each with its row and column appended: two channels more. */
export function placed(tokens: tf.Tensor3D): tf.Tensor3D {
  const [batch, count] = tokens.shape;
  return tf.concat([tokens, repeated(places(count), batch)], 2);
}
