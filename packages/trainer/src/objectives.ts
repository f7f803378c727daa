import { crossEntropy, huber, meanAbsoluteError, meanSquaredError } from '@chainrule/losses';
import { ChainruleError, type Config, type Metrics } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

/**
 * What training minimises and what it reports. Every value is a mean over the examples of the
 * batch, each counted by its weight, so that padding (weight 0) does not count.
 */
export interface Objective<Out, Target extends tf.Tensor = tf.Tensor> {
  readonly config: Config;
  measure(
    output: Out,
    target: Target,
    weight?: tf.Tensor1D,
  ): { readonly loss: tf.Scalar } & Metrics;
}

/** Σ weight·value / Σ weight over `[batch]`; the plain mean without weights. */
export function weightedMean(values: tf.Tensor1D, weight?: tf.Tensor1D): tf.Scalar {
  if (weight === undefined) return tf.mean(values);
  return tf.tidy(() => tf.div(tf.sum(tf.mul(values, weight)), tf.sum(weight)) as tf.Scalar);
}

export interface ClassificationOptions {
  /** Mass taken from the true class and spread over all classes (Szegedy et al., 2016). Default 0. */
  readonly labelSmoothing?: number;
}

/**
 * One of K classes: cross-entropy of logits `[batch, K]` against int32 labels `[batch]`; reports
 * `loss` and `accuracy` (share of examples whose largest logit is the label).
 */
export function classification(
  options: ClassificationOptions = {},
): Objective<tf.Tensor2D, tf.Tensor1D> {
  const { labelSmoothing = 0 } = options;
  return {
    config: { type: 'classification', labelSmoothing },
    measure: (logits, labels, weight) => ({
      loss: crossEntropy(logits, labels, { labelSmoothing, ...(weight && { weight }) }),
      accuracy: tf.tidy(() =>
        weightedMean(
          tf.cast(tf.equal(tf.argMax(logits, -1), labels), 'float32') as tf.Tensor1D,
          weight,
        ),
      ),
    }),
  };
}

export interface RegressionOptions {
  /** Default `meanSquaredError`. */
  readonly loss?: 'meanSquaredError' | 'meanAbsoluteError' | 'huber';
  /** Where Huber's loss turns from quadratic to linear. Default 1. */
  readonly delta?: number;
}

/**
 * Real targets `[batch]` or `[batch, n]` against an output `[batch, n]`; reports `loss` and
 * `meanAbsoluteError`.
 */
export function regression(
  options: RegressionOptions = {},
): Objective<tf.Tensor2D, tf.Tensor1D | tf.Tensor2D> {
  const { loss = 'meanSquaredError', delta = 1 } = options;
  return {
    config: { type: 'regression', loss, delta },
    measure(output, target, weight) {
      const y = target.rank === 1 ? tf.reshape(target, [-1, 1]) : target;
      if (y.shape[1] !== output.shape[1]) {
        throw new ChainruleError(
          'SHAPE',
          `trainer.regression: the head gives ${output.shape[1]} numbers an example, the target has ${y.shape[1]}; set the head's \`out\``,
        );
      }
      const weighted = weight === undefined ? {} : { weight };
      return {
        loss:
          loss === 'huber'
            ? huber(output, y as tf.Tensor2D, { delta, ...weighted })
            : loss === 'meanAbsoluteError'
              ? meanAbsoluteError(output, y as tf.Tensor2D, weighted)
              : meanSquaredError(output, y as tf.Tensor2D, weighted),
        meanAbsoluteError: meanAbsoluteError(output, y as tf.Tensor2D, weighted),
      };
    },
  };
}
