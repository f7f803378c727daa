import { flatten, mapTree } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { checkPositive } from './check.js';
import { tidy } from './tidy.js';
import type { GradientTransformation, TensorTree } from './transformation.js';

/** √Σg² over every element of every leaf. */
export function globalNorm(tree: TensorTree): tf.Scalar {
  return tidy(() => {
    const squares = flatten(tree).map(([, leaf]) => tf.sum<tf.Scalar>(tf.square(leaf)));
    return tf.sqrt(squares.reduce((sum, square) => tf.add(sum, square), tf.scalar(0)));
  });
}

export interface ClipByGlobalNormOptions {
  /** The norm that updates are scaled down to; default 1. */
  readonly maxNorm?: number;
}

/**
 * u = g · maxNorm / max(‖g‖, maxNorm), where ‖g‖ is the norm of all leaves together: the direction
 * stays, the length is limited (Pascanu et al., 2013).
 *
 * @example
 * import { chain, clipByGlobalNorm, sgd } from '@chainrule/optim';
 *
 * const optimizer = chain(clipByGlobalNorm({ maxNorm: 1 }), sgd({ learningRate: 0.1 }));
 */
export function clipByGlobalNorm(options: ClipByGlobalNormOptions = {}): GradientTransformation {
  const config = { type: 'clipByGlobalNorm', maxNorm: 1, ...options } as const;
  const { maxNorm } = config;
  checkPositive('optim.clipByGlobalNorm', 'maxNorm', maxNorm);
  return {
    config,
    init: () => ({}),
    update(updates, state) {
      const factor = tidy(() => tf.div(maxNorm, tf.maximum(globalNorm(updates), maxNorm)));
      return [mapTree(updates, (g: tf.Tensor) => tf.mul(g, factor)) as typeof updates, state];
    },
  };
}

export interface ClipByValueOptions {
  /** The largest magnitude of an element; default 1. */
  readonly maxValue?: number;
}

/**
 * u = min(max(g, −maxValue), maxValue), element by element.
 *
 * @example
 * import { chain, clipByValue, sgd } from '@chainrule/optim';
 *
 * const optimizer = chain(clipByValue({ maxValue: 0.5 }), sgd({ learningRate: 0.1 }));
 */
export function clipByValue(options: ClipByValueOptions = {}): GradientTransformation {
  const config = { type: 'clipByValue', maxValue: 1, ...options } as const;
  const { maxValue } = config;
  checkPositive('optim.clipByValue', 'maxValue', maxValue);
  return {
    config,
    init: () => ({}),
    update: (updates, state) => [
      mapTree(updates, (g: tf.Tensor) => tf.clipByValue(g, -maxValue, maxValue)) as typeof updates,
      state,
    ],
  };
}
