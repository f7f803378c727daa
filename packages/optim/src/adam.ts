import { hasKernel, type Path } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import {
  addDecayedWeights,
  type DecayOptions,
  decayDefaults,
  maskPredicate,
  maskSource,
} from './add-decayed-weights.js';
import { chain } from './chain.js';
import { APPLY_ADAM, runByLeaf } from './fused.js';
import {
  type AdamState,
  adamDefaults,
  biasCorrection,
  type ScaleByAdamOptions,
  scaleByAdam,
} from './scale-by-adam.js';
import {
  increment,
  type LearningRateState,
  scaleByLearningRate,
} from './scale-by-learning-rate.js';
import { checkRate, type LearningRate, rateAt, rateConfig } from './schedules.js';
import { type GradientTransformation, type TensorTree, updateStep } from './transformation.js';

export interface AdamOptions extends ScaleByAdamOptions {
  /** α, a number or a schedule; default 1e-3. */
  readonly learningRate?: LearningRate;
}

/**
 * Adam (Kingma and Ba, 2015): θ ← θ − α·m̂ / (√v̂ + ε). See {@link scaleByAdam}.
 *
 * @example
 * import { adam } from '@chainrule/optim';
 *
 * const optimizer = adam({ learningRate: 1e-3 });
 */
export function adam(
  options: AdamOptions = {},
): GradientTransformation<readonly [AdamState, LearningRateState]> {
  const { learningRate, ...moments } = { learningRate: 1e-3, ...adamDefaults, ...options };
  checkRate('optim.adam', learningRate);
  const composite = chain(scaleByAdam(moments), scaleByLearningRate({ learningRate }));
  return {
    ...composite,
    config: { type: 'adam', learningRate: rateConfig(learningRate), ...moments },
    step(grads, state, params) {
      if (!hasKernel(APPLY_ADAM)) return updateStep(composite, grads, state, params);
      const constants = { learningRate, ...moments, weightDecay: 0, decays: () => false };
      const [next, slots, rate] = fusedAdam(constants, grads, state[0], state[1], params);
      return [next, [slots, rate]];
    },
  };
}

export interface AdamwOptions extends AdamOptions, DecayOptions {}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, 2019):
 * θ ← θ − α·(m̂ / (√v̂ + ε) + λθ). λ is multiplied by α, as in PyTorch and optax.
 *
 * @example
 * import { adamw, cosine, kernelsOnly } from '@chainrule/optim';
 *
 * const learningRate = cosine({ peak: 3e-3, steps: 1000, warmup: 100 });
 * const optimizer = adamw({ learningRate, weightDecay: 0.05, mask: kernelsOnly });
 */
export function adamw(
  options: AdamwOptions = {},
): GradientTransformation<readonly [AdamState, TensorTree, LearningRateState]> {
  const { learningRate, weightDecay, mask, ...moments } = {
    learningRate: 1e-3,
    ...adamDefaults,
    ...decayDefaults,
    ...options,
  };
  checkRate('optim.adamw', learningRate);
  const source = maskSource('optim.adamw', mask);
  const composite = chain(
    scaleByAdam(moments),
    addDecayedWeights({ weightDecay, mask: source }),
    scaleByLearningRate({ learningRate }),
  );
  const decays = maskPredicate(source);
  return {
    ...composite,
    config: {
      type: 'adamw',
      learningRate: rateConfig(learningRate),
      ...moments,
      weightDecay,
      mask: source,
    },
    step(grads, state, params) {
      if (!hasKernel(APPLY_ADAM)) return updateStep(composite, grads, state, params);
      const constants = { learningRate, ...moments, weightDecay, decays };
      const [next, slots, rate] = fusedAdam(constants, grads, state[0], state[2], params);
      return [next, [slots, state[1], rate]];
    },
  };
}

interface Constants extends Required<ScaleByAdamOptions> {
  readonly learningRate: LearningRate;
  readonly weightDecay: number;
  readonly decays: (path: Path) => boolean;
}

function fusedAdam<P extends TensorTree>(
  { learningRate, beta1, beta2, epsilon, weightDecay, decays }: Constants,
  grads: P,
  { count, m, v }: AdamState,
  { count: rateCount }: LearningRateState,
  params: P,
): [params: P, AdamState, LearningRateState] {
  const next = increment(count);
  const alpha = rateAt(learningRate, rateCount);
  // m̂ / (√v̂ + ε) = (√c₂ / c₁)·m / (√v + ε√c₂): what depends on the count goes into two scalars.
  const root2 = tf.sqrt(biasCorrection(next, beta2));
  const common = {
    rate: tf.mul(alpha, tf.div(root2, biasCorrection(next, beta1))),
    epsilon: tf.mul(root2, epsilon),
  };
  const decay = tf.mul(alpha, weightDecay);
  const none = tf.scalar(0);
  const [stepped, nextM, nextV] = runByLeaf(
    APPLY_ADAM,
    params,
    { grad: grads, m, v },
    (path) => ({ ...common, decay: decays(path) ? decay : none }),
    { beta1, beta2 },
  );
  return [stepped, { count: next, m: nextM!, v: nextV! }, { count: increment(rateCount) }];
}
