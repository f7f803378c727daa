import { binaryCrossEntropy } from '@chainrule/losses';
import { checkShape, tidy } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { Objective } from './objectives.js';

/**
 * Whether the parts of an example belong together (does this text describe this picture?): binary
 * cross-entropy of logits `[batch, 1]` against a target `[batch]` of 0 and 1; reports `loss`, `accuracy`
 * (of the answer "yes" where the logit is above 0) and `brier`, the mean squared error of the
 * probability.
 *
 * Over a whole data set, {@link rocAuc} and {@link expectedCalibrationError} take the outputs.
 *
 * @throws ChainruleError from `measure`: `SHAPE` where the output is not `[batch, 1]`.
 *
 * @example
 * const model = multimodal({ encoders, fusion: product, head: (width) => mlp({ in: width, out: 1 }) });
 * const run = train({ model, objective: matching(), optimizer: adam(), data, epochs: 10 });
 */
export function matching(): Objective {
  return {
    config: { type: 'matching' },
    measure(output, target, weight) {
      checkShape('trainer.matching', "the head's output", output, ['batch', 1]);
      return tidy(() => {
        const logits = tf.reshape(output, [-1]) as tf.Tensor1D;
        const truth = tf.cast(target, 'float32');
        const yes = tf.cast(tf.greater(logits, 0), 'float32');
        const right = tf.sub(1, tf.abs(tf.sub(yes, truth)));
        const w = weight === undefined ? tf.onesLike(logits) : tf.cast(weight, 'float32');
        const mean = (values: tf.Tensor) =>
          tf.div(tf.sum(tf.mul(values, w)), tf.maximum(tf.sum(w), 1e-12)) as tf.Scalar;
        return {
          loss: binaryCrossEntropy(logits, truth, { weight }),
          accuracy: mean(right),
          brier: mean(tf.squaredDifference(tf.sigmoid(logits), truth)),
        };
      });
    },
  };
}
