import * as tf from '@tensorflow/tfjs-core';
import { checkPair } from '../checks.js';
import { perExample, reduce } from '../reduce.js';
import type { LossOptions, Reduced, Reduction } from '../types.js';

/**
 * Half the squared distance between prediction z and target y.
 *
 * L = ½ ‖z − y‖²,  ∂L/∂z = z − y exactly, and ∂L/∂y = y − z.
 *
 * So gradient descent on z itself, z ← z − α(z − y), converges to y as (1 − α)ᵏ.
 *
 * Shapes: prediction and target `[batch, …]`, of one shape. Each example's loss is half its sum of
 * squares. The default reduction is `sum`, over all elements; `mean` is over the examples.
 *
 * Source: Bishop, Pattern recognition and machine learning (2006), section 1.1.
 *
 * @throws ChainruleError `SHAPE`, `EMPTY_BATCH`, `DTYPE` where the prediction is not float32.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { halfSquaredError } from '@chainrule/losses';
 *
 * const y = tf.tensor2d([[1, 2]]);
 * halfSquaredError(tf.tensor2d([[4, 6]]), y).print(); // ½(3² + 4²) = 12.5
 * tf.grad((z) => halfSquaredError(z, y))(tf.tensor2d([[4, 6]])).print(); // z − y = [[3, 4]]
 */
export function halfSquaredError<R extends Reduction = 'sum'>(
  prediction: tf.Tensor,
  target: tf.Tensor,
  { reduction = 'sum' as R, weight }: LossOptions<R> = {},
): Reduced<R> {
  const where = 'losses.halfSquaredError';
  checkPair(where, prediction, target);
  return tf.tidy(() => {
    const squares = tf.square(tf.sub(prediction, target));
    return reduce(where, tf.mul(perExample('sum', squares), 0.5), reduction, weight);
  });
}
