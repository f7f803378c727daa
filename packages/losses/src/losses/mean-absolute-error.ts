import * as tf from '@tensorflow/tfjs-core';
import { checkPair } from '../checks.js';
import { withSlope } from '../gradient.js';
import { perExample, reduce } from '../reduce.js';
import type { LossOptions, Reduced, Reduction } from '../types.js';

/**
 * Mean absolute error.
 *
 * ℓᵢ = (1/d) Σⱼ |zᵢⱼ − yᵢⱼ| over the d elements of example i;  ∂ℓᵢ/∂zᵢⱼ = sign(zᵢⱼ − yᵢⱼ)/d,
 * which is 0 where they are equal.
 *
 * Shapes: prediction and target `[batch, …]`, of one shape. The default reduction is `mean`: the
 * mean over all elements, as `torch.nn.L1Loss`. `sum` adds the examples' means.
 *
 * Source: PyTorch `L1Loss`, Keras `MeanAbsoluteError`.
 *
 * @throws ChainruleError `SHAPE`, `EMPTY_BATCH`, `DTYPE` where the prediction is not float32.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { meanAbsoluteError } from '@chainrule/losses';
 *
 * meanAbsoluteError(tf.tensor2d([[4, 6]]), tf.tensor2d([[1, 2]])).print(); // (3 + 4) / 2 = 3.5
 */
export function meanAbsoluteError<R extends Reduction = 'mean'>(
  prediction: tf.Tensor,
  target: tf.Tensor,
  { reduction = 'mean' as R, weight }: LossOptions<R> = {},
): Reduced<R> {
  const where = 'losses.meanAbsoluteError';
  checkPair(where, prediction, target);
  return tf.tidy(() => {
    // tf.abs has the gradient −1 at zero; the middle of the subdifferential is 0.
    const distances = withSlope(tf.sub(prediction, target), (error) => ({
      value: tf.abs(error),
      slope: tf.sign(error),
    }));
    return reduce(where, perExample('mean', distances), reduction, weight);
  });
}
