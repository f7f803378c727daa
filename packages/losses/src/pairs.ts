import { ChainruleError, checkSameShape, checkShape } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { checkFloat } from './checks.js';
import type { LossOptions, Reduction } from './types.js';

/** What losses over all pairs of a batch take. */
export interface PairOptions<R extends Reduction = Reduction> extends LossOptions<R> {
  /**
   * What each example shows, int32 `[batch]`: image i and text j belong together where their labels
   * are equal. Default: image i and text i only.
   */
  readonly labels?: tf.Tensor1D | undefined;
}

/** All pairs of image i and text j, `[batch, batch]` each. */
export interface Pairs {
  /** imageᵢ·textⱼ. */
  readonly similarity: tf.Tensor2D;
  /** 1 where image i and text j belong together and both are real, else 0. */
  readonly positive: tf.Tensor2D;
  /** 1 where both are real: their weights are not 0. */
  readonly real: tf.Tensor2D;
}

/** Added to the logits of what is no candidate: its share of a softmax is exactly 0. */
export const LOWEST = -1e30;

/** @throws ChainruleError `SHAPE`, `EMPTY_BATCH`, `DTYPE`. */
export function checkSides(
  where: string,
  image: tf.Tensor2D,
  text: tf.Tensor2D,
  { labels, weight }: PairOptions,
): void {
  checkShape(where, 'image', image, ['batch', 'width']);
  checkSameShape(where, ['image', 'text'], image, text);
  checkFloat(where, 'image', image);
  checkFloat(where, 'text', text);
  const [batch] = image.shape;
  if (weight !== undefined) checkShape(where, 'weight', weight, [batch]);
  if (labels === undefined) return;
  checkShape(where, 'labels', labels, [batch]);
  if (labels.dtype !== 'int32') {
    throw new ChainruleError(
      'DTYPE',
      `${where}: labels must be int32, got ${labels.dtype}; use tf.cast(labels, 'int32')`,
    );
  }
}

/** The pairs of a batch that {@link checkSides} found in order. */
export function pairsOf(
  image: tf.Tensor2D,
  text: tf.Tensor2D,
  { labels, weight }: PairOptions,
): Pairs {
  const [batch] = image.shape;
  const similarity = tf.matMul(image, text, false, true) as tf.Tensor2D;
  const same: tf.Tensor2D =
    labels === undefined
      ? tf.eye(batch)
      : tf.cast(tf.equal(tf.expandDims(labels, 1), tf.expandDims(labels, 0)), 'float32');
  if (weight === undefined) return { similarity, positive: same, real: tf.ones([batch, batch]) };
  const present = tf.cast(tf.notEqual(tf.cast(weight, 'float32'), 0), 'float32');
  const real = tf.mul(tf.expandDims(present, 1), tf.expandDims(present, 0)) as tf.Tensor2D;
  return { similarity, positive: tf.mul(same, real), real };
}
