import { ChainruleError, checkShape, hasKernel, runKernel } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { checkFloat } from '../checks.js';
import { withSlope } from '../gradient.js';
import { perExample, reduce } from '../reduce.js';
import type { LossOptions, Reduced, Reduction } from '../types.js';

/**
 * The kernel by which a backend may give the loss and its gradient in one pass. Inputs
 * `{ logits, target }`, both float32 `[batch, classes]`; each row of the target sums to 1, but for
 * labels that are no class. Outputs `[ℓ, p − t]`, `[batch]` and `[batch, classes]`.
 */
export const SOFTMAX_CROSS_ENTROPY = 'SoftmaxCrossEntropyAndSlope';

export interface CrossEntropyOptions<R extends Reduction = Reduction> extends LossOptions<R> {
  /** ε, the share of the target spread evenly over all classes, 0 to 1. Default 0. */
  readonly labelSmoothing?: number | undefined;
}

/**
 * Cross-entropy between the softmax of logits and labels.
 *
 * With p = softmax(x) and t the target of an example, one-hot for a label:
 * t ← (1 − ε)t + ε/K for K classes,  ℓ = −Σₖ tₖ log pₖ,  ∂ℓ/∂x = p Σₖ tₖ − t, which is p − t where
 * t sums to 1. It is stable: logits of ±10⁴ are no problem. No gradient reaches the labels.
 *
 * Shapes: logits `[batch, classes]`, labels int32 `[batch]` (0 … classes − 1), or the probability
 * of each class, `[batch, classes]`. The default reduction is `mean`, as
 * `torch.nn.CrossEntropyLoss` with its label smoothing.
 *
 * Source: Szegedy et al., Rethinking the inception architecture (2016), section 7, for smoothing.
 *
 * @throws ChainruleError `SHAPE`, `EMPTY_BATCH`, `DTYPE` where labels are not int32 or logits not
 * float32, `OPTION` where labelSmoothing is not within 0 … 1. Labels are not read, so one that is
 * out of range is not an error here: it counts as no class at all, a target of zeros.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { crossEntropy } from '@chainrule/losses';
 *
 * const logits = tf.tensor2d([[2, 0, 0]]);
 * crossEntropy(logits, tf.tensor1d([0], 'int32')).print(); // −log(e² / (e² + 2)) = 0.2395
 */
export function crossEntropy<R extends Reduction = 'mean'>(
  logits: tf.Tensor2D,
  labels: tf.Tensor1D | tf.Tensor2D,
  { labelSmoothing = 0, reduction = 'mean' as R, weight }: CrossEntropyOptions<R> = {},
): Reduced<R> {
  const where = 'losses.crossEntropy';
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new ChainruleError(
      'OPTION',
      `${where}: labelSmoothing must be within 0 and 1, got ${labelSmoothing}`,
    );
  }
  checkShape(where, 'logits', logits, ['batch', 'classes']);
  checkFloat(where, 'logits', logits);
  checkLabels(where, logits, labels);
  return tf.tidy(() => {
    const target = targetOf(labels, logits.shape[1], labelSmoothing);
    // Probabilities may not sum to 1, which the kernel takes for granted.
    const fused = labels.rank === 1 && hasKernel(SOFTMAX_CROSS_ENTROPY);
    const losses = withSlope(logits, (x) => {
      if (fused) {
        const outputs = runKernel(SOFTMAX_CROSS_ENTROPY, { logits: x, target });
        const [value, slope] = outputs as [tf.Tensor1D, tf.Tensor];
        return { value, slope };
      }
      const logp = tf.logSoftmax(x);
      const p = tf.exp(logp);
      const mass = labels.rank === 1 ? p : tf.mul(p, tf.sum(target, 1, true));
      return {
        value: tf.neg(perExample('sum', tf.mul(target, logp))),
        slope: tf.sub(mass, target),
      };
    });
    return reduce(where, losses, reduction, weight);
  });
}

function targetOf(labels: tf.Tensor, classes: number, smoothing: number): tf.Tensor {
  const floor = smoothing / classes;
  if (labels.rank === 1) {
    return tf.oneHot(labels as tf.Tensor1D, classes, 1 - smoothing + floor, floor, 'float32');
  }
  const target = tf.cast(labels, 'float32');
  return smoothing === 0 ? target : tf.add(tf.mul(target, 1 - smoothing), floor);
}

function checkLabels(where: string, logits: tf.Tensor2D, labels: tf.Tensor): void {
  const [batch, classes] = logits.shape;
  if (classes < 2) {
    throw new ChainruleError(
      'SHAPE',
      `${where}: logits must have at least 2 classes, got [${batch}, ${classes}]; for one yes-or-no output use binaryCrossEntropy`,
    );
  }
  if (labels.rank === 1) {
    checkShape(where, 'labels', labels, [batch]);
    if (labels.dtype !== 'int32') {
      throw new ChainruleError(
        'DTYPE',
        `${where}: labels must be int32, got ${labels.dtype}; use tf.cast(labels, 'int32'), ` +
          'or give probabilities [batch, classes]',
      );
    }
  } else if (labels.shape.join() !== `${batch},${classes}`) {
    throw new ChainruleError(
      'SHAPE',
      `${where}: labels must be [${batch}] or [${batch}, ${classes}], got [${labels.shape.join(', ')}]`,
    );
  }
}
