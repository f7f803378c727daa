import { crossEntropy, huber, meanAbsoluteError, meanSquaredError } from '@chainrule/losses';
import { ChainruleError, type Config, lookUp, type Metrics, tidy } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

/**
 * What training minimises and what it reports. Every value is a mean over the examples of the
 * batch, each counted by its weight, so that padding (weight 0) does not count.
 */
export interface Objective<Out = tf.Tensor2D> {
  readonly config: Config;
  measure(
    output: Out,
    target: tf.Tensor,
    weight?: tf.Tensor1D,
  ): { readonly loss: tf.Scalar } & Metrics;
}

export interface ClassificationOptions {
  /** Mass taken from the true class and spread over all classes (Szegedy et al., 2016). Default 0. */
  readonly labelSmoothing?: number;
}

/**
 * One of K classes: cross-entropy of logits `[batch, K]` against int32 labels `[batch]`; reports
 * `loss` and `accuracy` (share of examples whose largest logit is the label).
 *
 * @throws ChainruleError from `measure`: `SHAPE` and whatever `crossEntropy` throws.
 *
 * @example
 * const run = train({ model, objective: classification({ labelSmoothing: 0.1 }), optimizer, data, epochs: 10 });
 */
export function classification(options: ClassificationOptions = {}): Objective {
  const { labelSmoothing = 0 } = options;
  return {
    config: { type: 'classification', labelSmoothing },
    measure: (logits, labels, weight) => ({
      loss: crossEntropy(logits, labels as tf.Tensor1D, { labelSmoothing, weight }),
      accuracy: accuracy(logits, labels as tf.Tensor1D, weight),
    }),
  };
}

function accuracy(logits: tf.Tensor2D, labels: tf.Tensor1D, weight?: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => {
    const right = tf.cast(tf.equal(tf.argMax(logits, -1), labels), 'float32');
    if (weight === undefined) return tf.mean(right);
    // A batch of nothing but padding has the accuracy 0, not 0 / 0.
    return tf.div(tf.sum(tf.mul(right, weight)), tf.maximum(tf.sum(weight), 1e-12));
  });
}

const regressionLosses = { huber, meanAbsoluteError, meanSquaredError };

export interface RegressionOptions {
  /** Default `meanSquaredError`. */
  readonly loss?: keyof typeof regressionLosses;
  /** Where Huber's loss turns from quadratic to linear, in the units of the target. Default 1. */
  readonly delta?: number;
}

/**
 * Real targets `[batch]` or `[batch, n]` against an output `[batch, n]`; reports `loss` and
 * `meanAbsoluteError`, both means over the n numbers as well.
 *
 * @throws ChainruleError `UNKNOWN_NAME` for an unknown loss; `SHAPE` from `measure` where output
 * and target differ in n.
 *
 * @example
 * const run = train({ model, objective: regression({ loss: 'huber' }), optimizer, data, epochs: 10 });
 */
export function regression(options: RegressionOptions = {}): Objective {
  const { loss: name = 'meanSquaredError', delta = 1 } = options;
  lookUp('trainer.regression: loss', regressionLosses, name);
  return {
    config: { type: 'regression', loss: name, delta },
    measure(output, target, weight) {
      return tidy(() => {
        const y = target.rank === 1 ? tf.reshape(target, [-1, 1]) : target;
        if (y.rank !== 2 || y.shape[1] !== output.shape[1]) {
          throw new ChainruleError(
            'SHAPE',
            `trainer.regression: the head gives ${output.shape[1]} numbers an example, the target is [${target.shape.join(', ')}]; set the head's \`out\``,
          );
        }
        return {
          loss:
            name === 'huber'
              ? huber(output, y, { delta, weight })
              : regressionLosses[name](output, y, { weight }),
          meanAbsoluteError: meanAbsoluteError(output, y, { weight }),
        };
      });
    },
  };
}
