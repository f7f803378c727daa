import * as tf from '@tensorflow/tfjs-core';
import { checkPair } from '../checks.js';
import { perExample, reduce } from '../reduce.js';
import type { LossOptions, Reduced, Reduction } from '../types.js';

/**
 * Mean squared error.
 *
 * ℓᵢ = (1/d) Σⱼ (zᵢⱼ − yᵢⱼ)² over the d elements of example i;  ∂ℓᵢ/∂zᵢⱼ = (2/d)(zᵢⱼ − yᵢⱼ).
 *
 * Shapes: prediction and target `[batch, …]`, of one shape. The default reduction is `mean`: the
 * mean over all elements, as `torch.nn.MSELoss`. `sum` adds the examples' means.
 *
 * Source: PyTorch `MSELoss`, Keras `MeanSquaredError`.
 *
 * @throws ChainruleError `SHAPE`, `EMPTY_BATCH`, `DTYPE` where the prediction is not float32.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { meanSquaredError } from '@chainrule/losses';
 *
 * meanSquaredError(tf.tensor2d([[4, 6]]), tf.tensor2d([[1, 2]])).print(); // (3² + 4²) / 2 = 12.5
 */
export function meanSquaredError<R extends Reduction = 'mean'>(
  prediction: tf.Tensor,
  target: tf.Tensor,
  { reduction = 'mean' as R, weight }: LossOptions<R> = {},
): Reduced<R> {
  const where = 'losses.meanSquaredError';
  checkPair(where, prediction, target);
  return tf.tidy(() => {
    const squares = tf.square(tf.sub(prediction, target));
    return reduce(where, perExample('mean', squares), reduction, weight);
  });
}
