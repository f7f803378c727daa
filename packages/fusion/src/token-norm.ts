import {
  type BatchNormParams,
  batchNorm,
  ChainruleError,
  type Context,
  type Module,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

export type TokenNorm = 'batch' | 'none';
/** The running mean and variance of each channel; nothing where nothing is normalised. */
export type TokenNormParams = { readonly statistics?: BatchNormParams['statistics'] };

/**
 * Batch normalisation of tokens, `[batch, tokens, width]` → the same, without scale and offset: what
 * follows brings its own. `none` passes them on.
 *
 * @throws ChainruleError `OPTION` for another norm.
 */
export function tokenNorm(
  where: string,
  norm: TokenNorm,
  width: number,
): Pick<Module<tf.Tensor3D, tf.Tensor3D, TokenNormParams>, 'init' | 'apply'> {
  if (norm === 'none') return { init: () => ({}), apply: (_params, x) => x };
  if (norm !== 'batch') {
    throw new ChainruleError('OPTION', `${where}: norm must be batch or none, got "${norm}"`);
  }
  const plain = batchNorm<tf.Tensor3D>({ width });
  return {
    init: () => ({ statistics: { mean: tf.zeros([width]), variance: tf.ones([width]) } }),
    apply: ({ statistics }, x, context?: Context) => {
      const unit = { scale: tf.ones<tf.Rank.R1>([width]), offset: tf.zeros<tf.Rank.R1>([width]) };
      return plain.apply({ ...unit, statistics: statistics! }, x, context);
    },
  };
}
