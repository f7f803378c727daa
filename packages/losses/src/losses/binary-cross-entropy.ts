import * as tf from '@tensorflow/tfjs-core';
import { checkPair } from '../checks.js';
import { withSlope } from '../gradient.js';
import { perExample, reduce } from '../reduce.js';
import type { LossOptions, Reduced, Reduction } from '../types.js';

/**
 * Cross-entropy between the sigmoid of logits x and the probability t of "yes".
 *
 * b(x, t) = −t log σ(x) − (1 − t) log(1 − σ(x)) = max(x, 0) − xt + log(1 + e^−|x|), a form that is
 * stable for logits of any size;  ∂b/∂x = σ(x) − t. No gradient reaches the target.
 * ℓᵢ = (1/d) Σⱼ b(xᵢⱼ, tᵢⱼ) over the d outputs of example i.
 *
 * Shapes: prediction (logits, not probabilities) and target `[batch]` or, for several independent
 * questions, `[batch, outputs]`. The target is 0 or 1, or a probability in between. The default
 * reduction is `mean`: the mean over all elements, as `torch.nn.BCEWithLogitsLoss`. `sum` adds the
 * examples' means.
 *
 * Source: PyTorch `BCEWithLogitsLoss`; TensorFlow `sigmoid_cross_entropy_with_logits`.
 *
 * @throws ChainruleError `SHAPE`, `EMPTY_BATCH`, `DTYPE` where the prediction is not float32.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { binaryCrossEntropy } from '@chainrule/losses';
 *
 * binaryCrossEntropy(tf.tensor1d([0]), tf.tensor1d([1])).print(); // log 2 = 0.6931
 */
export function binaryCrossEntropy<R extends Reduction = 'mean'>(
  prediction: tf.Tensor,
  target: tf.Tensor,
  { reduction = 'mean' as R, weight }: LossOptions<R> = {},
): Reduced<R> {
  const where = 'losses.binaryCrossEntropy';
  checkPair(where, prediction, target);
  return tf.tidy(() => {
    const t = tf.cast(target, 'float32');
    const elements = withSlope(prediction, (x) => ({
      value: tf.add(tf.sub(tf.relu(x), tf.mul(x, t)), tf.log1p(tf.exp(tf.neg(tf.abs(x))))),
      slope: tf.sub(tf.sigmoid(x), t),
    }));
    return reduce(where, perExample('mean', elements), reduction, weight);
  });
}
