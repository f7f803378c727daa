import { ChainruleError, type Path, zipTree } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { checkAtLeast } from './check.js';
import { tidy } from './tidy.js';
import type { GradientTransformation } from './transformation.js';

/**
 * Which leaves: a regular expression, or its source, that is searched for in a leaf's path such as
 * `encoders/image/blocks/0/kernel`. It is plain text, so that a config can hold it.
 */
export type Mask = string | RegExp;

/** Every leaf. */
export const everyLeaf = '.*';

/** Kernels and recurrent kernels alone: neither biases, nor scales of norms, nor embeddings. */
export const kernelsOnly = '(^|/)(kernel|recurrent)$';

/** The plain text of a mask. @throws ChainruleError `OPTION` where it can not be one. */
export function maskSource(where: string, mask: Mask): string {
  try {
    if (typeof mask !== 'string' && mask.flags !== '') throw new Error('flags are not supported');
    return new RegExp(mask).source;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ChainruleError('OPTION', `${where}: mask ${mask} is not usable: ${reason}`, {
      cause,
    });
  }
}

/** The predicate on paths that a mask stands for. */
export function maskPredicate(mask: Mask): (path: Path) => boolean {
  const pattern = new RegExp(mask);
  return (path) => pattern.test(path);
}

export interface DecayOptions {
  /** λ; default 0.01. */
  readonly weightDecay?: number;
  /** The leaves that decay; default every leaf. See {@link kernelsOnly}. */
  readonly mask?: Mask;
}

export const decayDefaults = { weightDecay: 0.01, mask: everyLeaf } as const;

/**
 * u = g + λθ, for the leaves of the mask. After Adam and before the learning rate this is decoupled
 * weight decay (Loshchilov and Hutter, 2019); at the head of a chain it is an L2 penalty ½λ‖θ‖².
 *
 * @example
 * import { addDecayedWeights, chain, kernelsOnly, sgd } from '@chainrule/optim';
 *
 * const decay = addDecayedWeights({ weightDecay: 1e-4, mask: kernelsOnly });
 * const optimizer = chain(decay, sgd({ learningRate: 0.1 }));
 */
export function addDecayedWeights(options: DecayOptions = {}): GradientTransformation {
  const where = 'optim.addDecayedWeights';
  const { weightDecay, mask } = { ...decayDefaults, ...options };
  const source = maskSource(where, mask);
  const decays = maskPredicate(source);
  checkAtLeast(where, 'weightDecay', weightDecay, 0);
  return {
    config: { type: 'addDecayedWeights', weightDecay, mask: source },
    init: () => ({}),
    update: (updates, state, params) => [
      zipTree(updates, params, (g: tf.Tensor, param: tf.Tensor, path) =>
        decays(path) ? tidy(() => tf.add(g, tf.mul(param, weightDecay))) : g,
      ) as typeof updates,
      state,
    ],
  };
}
