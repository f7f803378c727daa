import { ChainruleError, checkShape } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { LossOptions, Reduced, Reduction } from './types.js';

/** Reduces the losses of the examples, `[batch]`. */
export function reduce<R extends Reduction>(
  where: string,
  losses: tf.Tensor1D,
  reduction: R,
  weight: LossOptions['weight'],
): Reduced<R> {
  if (weight !== undefined) checkShape(where, 'weight', weight, [losses.shape[0]]);
  const w = weight === undefined ? undefined : tf.cast(weight, 'float32');
  const weighted = w === undefined ? losses : tf.mul(losses, w);
  switch (reduction) {
    case 'none':
      return weighted as tf.Tensor as Reduced<R>;
    case 'sum':
      return tf.sum(weighted) as tf.Tensor as Reduced<R>;
    case 'mean':
      if (w === undefined) return tf.mean(losses) as tf.Tensor as Reduced<R>;
      // A batch of nothing but padding has the loss 0, not 0 / 0.
      return tf.div(tf.sum(weighted), tf.maximum(tf.sum(w), 1e-12)) as tf.Tensor as Reduced<R>;
    default:
      throw new ChainruleError(
        'OPTION',
        `${where}: reduction must be mean, sum or none, got ${JSON.stringify(reduction)}`,
      );
  }
}

/** Sum or mean of each example's elements: `[batch, …]` → `[batch]`. */
export function perExample(how: 'sum' | 'mean', elements: tf.Tensor): tf.Tensor1D {
  const axes = elements.shape.map((_, axis) => axis).slice(1);
  if (axes.length === 0) return elements as tf.Tensor1D;
  return how === 'sum' ? tf.sum(elements, axes) : tf.mean(elements, axes);
}
