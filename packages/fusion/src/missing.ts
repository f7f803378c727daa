import * as tf from '@tensorflow/tfjs-core';

/*
 * Examples that lack modalities. `present` is `[batch, modalities]`, 1 = the example has the
 * modality, in the order of the modalities' names; undefined where no embedding has a mask.
 */

/** Stands for −∞ where a difference or a product of it must stay finite. */
export const LOWEST = -1e30;

/** `values` where the example has the modality, zero elsewhere, whatever stood there: even NaN. */
export function zeroAbsent<T extends tf.Tensor>(values: T, present: tf.Tensor1D): T {
  const column = tf.reshape(present, [-1, ...values.shape.slice(1).map(() => 1)]);
  return tf.where(tf.greater(column, 0), values, 0) as T;
}

/** One column of `present` a modality, each `[batch, 1]`. */
export function presentColumns(present: tf.Tensor2D): tf.Tensor2D[] {
  return tf.split(present, present.shape[1], 1);
}

/** The sum of the vectors that are present; zero where there is none. */
export function maskedTotal(xs: readonly tf.Tensor2D[], present?: tf.Tensor2D): tf.Tensor2D {
  const terms =
    present === undefined ? xs : presentColumns(present).map((p, i) => tf.mul(xs[i]!, p));
  return terms.reduce((z, x) => tf.add(z, x)) as tf.Tensor2D;
}

/** The mean of the vectors (or tokens) that are present; zero where there is none. */
export function maskedMean<T extends tf.Tensor2D | tf.Tensor3D>(
  xs: readonly T[],
  present?: tf.Tensor2D,
): T {
  const sum = (terms: readonly T[]) => terms.reduce((a, b) => tf.add(a, b));
  if (present === undefined) return tf.mul(sum(xs), 1 / xs.length);
  const shares = presentColumns(tf.div(present, tf.maximum(tf.sum(present, 1, true), 1)));
  return sum(
    xs.map((x, i) => tf.mul(x, x.rank === 3 ? tf.expandDims(shares[i]!, 2) : shares[i]!) as T),
  );
}

/** The maximum of the vectors that are present, element by element; zero where there is none. */
export function maskedMax(xs: readonly tf.Tensor2D[], present?: tf.Tensor2D): tf.Tensor2D {
  const highest = (all: readonly tf.Tensor2D[]) => all.reduce((z, x) => tf.maximum(z, x));
  if (present === undefined) return highest(xs);
  const columns = presentColumns(present);
  const candidates = xs.map((x, i) =>
    tf.where(tf.greater(columns[i]!, 0), x, LOWEST),
  ) as tf.Tensor2D[];
  const any = tf.greater(tf.sum(present, 1, true), 0);
  return tf.where(any, highest(candidates), 0) as tf.Tensor2D;
}

/**
 * Softmax over the last axis among the entries whose mask is 1; the others, and all where there is
 * none, get zero. The mask broadcasts against the logits.
 */
export function maskedSoftmax<T extends tf.Tensor>(logits: T, mask?: tf.Tensor): T {
  if (mask === undefined) return tf.softmax(logits);
  const shifted = tf.add(logits, tf.mul(tf.sub(1, mask), LOWEST));
  return tf.mul(tf.softmax(shifted), mask) as T;
}
