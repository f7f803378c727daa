import { mapTree } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { checkRate, type LearningRate, rateAt, rateConfig } from './schedules.js';
import type { GradientTransformation } from './transformation.js';

export interface LearningRateOptions {
  /** A number, or a schedule. */
  readonly learningRate: LearningRate;
}

export type LearningRateState = { readonly count: tf.Scalar };

/**
 * u = −α·g, where α may follow a schedule: the last link of a chain, which makes it descend.
 *
 * @example
 * import { chain, linear, scaleByLearningRate, trace } from '@chainrule/optim';
 *
 * const learningRate = linear({ from: 0.1, to: 0, steps: 500 });
 * const optimizer = chain(trace({ decay: 0.9 }), scaleByLearningRate({ learningRate }));
 */
export function scaleByLearningRate({
  learningRate,
}: LearningRateOptions): GradientTransformation<LearningRateState> {
  checkRate('optim.scaleByLearningRate', learningRate);
  return {
    config: { type: 'scaleByLearningRate', learningRate: rateConfig(learningRate) },
    init: () => ({ count: tf.scalar(0, 'int32') }),
    update(updates, { count }) {
      const factor = tf.neg(rateAt(learningRate, count));
      return [
        mapTree(updates, (g: tf.Tensor) => tf.mul(g, factor)) as typeof updates,
        { count: increment(count) },
      ];
    },
  };
}

/** count + 1. */
export function increment(count: tf.Scalar): tf.Scalar {
  return tf.add(count, tf.scalar(1, 'int32'));
}
