import * as tf from '@tensorflow/tfjs-core';
import { ChainruleError } from './errors.js';
import type { Context } from './module.js';
import { split, uniform } from './random.js';
import { checkRate } from './shapes.js';

/**
 * Inverted dropout (Srivastava et al., 2014): while training, each element is zeroed with
 * probability `rate` and the others are divided by 1 − rate; otherwise `x` is returned as it is.
 *
 * @param name splits the context's key, so two dropouts in one module draw different masks.
 * @throws ChainruleError `OPTION` unless 0 <= rate < 1; `MISSING_KEY` when training with `rate > 0` without a key.
 */
export function dropout<T extends tf.Tensor>(
  x: T,
  rate: number,
  context: Context = {},
  name = 'dropout',
): T {
  checkRate('dropout', 'rate', rate);
  if (rate === 0 || context.training !== true) return x;
  if (context.key === undefined) {
    throw new ChainruleError(
      'MISSING_KEY',
      'dropout: training needs a key; pass { training: true, key }',
    );
  }
  const source = split(context.key, name);
  return tf.tidy(() => {
    const kept = tf.cast(tf.greaterEqual(uniform(source, x.shape), rate), 'float32');
    return tf.mul(x, tf.mul(kept, 1 / (1 - rate)));
  }) as T;
}
