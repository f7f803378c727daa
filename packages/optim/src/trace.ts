import { zerosLike, zipTree } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { checkDecay } from './check.js';
import { tidy } from './tidy.js';
import type { GradientTransformation, TensorTree } from './transformation.js';

export interface TraceOptions {
  /** μ, how much of the trace is kept; default 0.9. */
  readonly decay?: number;
  /** Look ahead by one step of the trace (Nesterov); default false. */
  readonly nesterov?: boolean;
}

export type TraceState = {
  /** The decaying sum of the gradients. */
  readonly trace: TensorTree;
};

/**
 * Momentum's direction: t ← g + μt, and u = t, or u = g + μt with Nesterov's look-ahead (as
 * Sutskever et al., 2013, write it; the same as PyTorch's SGD without dampening).
 *
 * @example
 * import { chain, scaleByLearningRate, trace } from '@chainrule/optim';
 *
 * const optimizer = chain(trace({ nesterov: true }), scaleByLearningRate({ learningRate: 0.01 }));
 */
export function trace(options: TraceOptions = {}): GradientTransformation<TraceState> {
  const config = { type: 'trace', decay: 0.9, nesterov: false, ...options } as const;
  const { decay, nesterov } = config;
  checkDecay('optim.trace', 'decay', decay);
  const accumulate = (sum: tf.Tensor, g: tf.Tensor) => tidy(() => tf.add(tf.mul(sum, decay), g));
  return {
    config,
    init: (params) => ({ trace: zerosLike(params) }),
    update(updates, state) {
      const next = zipTree(state.trace, updates, accumulate);
      const direction = nesterov ? zipTree(next, updates, accumulate) : next;
      return [direction as typeof updates, { trace: next }];
    },
  };
}
