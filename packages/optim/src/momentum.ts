import { hasKernel } from '@chainrule/tensor';
import { chain } from './chain.js';
import { APPLY_MOMENTUM, runByLeaf } from './fused.js';
import {
  increment,
  type LearningRateOptions,
  type LearningRateState,
  scaleByLearningRate,
} from './scale-by-learning-rate.js';
import { checkRate, rateAt, rateConfig } from './schedules.js';
import { type TraceState, trace } from './trace.js';
import { type GradientTransformation, updateStep } from './transformation.js';

export interface MomentumOptions extends LearningRateOptions {
  /** μ; default 0.9. */
  readonly decay?: number;
}

export type MomentumState = readonly [TraceState, LearningRateState];

/**
 * Gradient descent with momentum (Polyak, 1964): t ← g + μt, θ ← θ − α·t.
 *
 * @example
 * import { momentum } from '@chainrule/optim';
 *
 * const optimizer = momentum({ learningRate: 0.01, decay: 0.9 });
 */
export function momentum(options: MomentumOptions): GradientTransformation<MomentumState> {
  return withMomentum('momentum', options);
}

/**
 * Gradient descent with Nesterov's accelerated momentum, as Sutskever et al. (2013) write it:
 * t ← g + μt, θ ← θ − α·(g + μt).
 *
 * @example
 * import { nesterov } from '@chainrule/optim';
 *
 * const optimizer = nesterov({ learningRate: 0.01 });
 */
export function nesterov(options: MomentumOptions): GradientTransformation<MomentumState> {
  return withMomentum('nesterov', options);
}

function withMomentum(
  type: 'momentum' | 'nesterov',
  { learningRate, decay = 0.9 }: MomentumOptions,
): GradientTransformation<MomentumState> {
  checkRate(`optim.${type}`, learningRate);
  const attributes = { decay, nesterov: type === 'nesterov' };
  const composite = chain(trace(attributes), scaleByLearningRate({ learningRate }));
  return {
    ...composite,
    config: { type, learningRate: rateConfig(learningRate), decay },
    step(grads, state, params) {
      if (!hasKernel(APPLY_MOMENTUM)) return updateStep(composite, grads, state, params);
      const [sums, { count }] = state;
      const rate = rateAt(learningRate, count);
      const trees = { grad: grads, trace: sums.trace };
      const [next, traces] = runByLeaf(APPLY_MOMENTUM, params, trees, () => ({ rate }), attributes);
      return [next, [{ trace: traces! }, { count: increment(count) }]];
    },
  };
}
