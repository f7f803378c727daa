import { hasKernel } from '@chainrule/tensor';
import { chain } from './chain.js';
import { APPLY_SGD, runByLeaf } from './fused.js';
import {
  increment,
  type LearningRateOptions,
  type LearningRateState,
  scaleByLearningRate,
} from './scale-by-learning-rate.js';
import { checkRate, rateAt, rateConfig } from './schedules.js';
import { type GradientTransformation, updateStep } from './transformation.js';

/**
 * Gradient descent: θ ← θ − α·g.
 *
 * @example
 * import { sgd } from '@chainrule/optim';
 *
 * const optimizer = sgd({ learningRate: 0.1 });
 */
export function sgd({
  learningRate,
}: LearningRateOptions): GradientTransformation<readonly [LearningRateState]> {
  checkRate('optim.sgd', learningRate);
  const composite = chain(scaleByLearningRate({ learningRate }));
  return {
    ...composite,
    config: { type: 'sgd', learningRate: rateConfig(learningRate) },
    step(grads, state, params) {
      if (!hasKernel(APPLY_SGD)) return updateStep(composite, grads, state, params);
      const [{ count }] = state;
      const rate = rateAt(learningRate, count);
      const [next] = runByLeaf(APPLY_SGD, params, { grad: grads }, () => ({ rate }));
      return [next, [{ count: increment(count) }]];
    },
  };
}
