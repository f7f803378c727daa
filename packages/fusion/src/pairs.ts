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
