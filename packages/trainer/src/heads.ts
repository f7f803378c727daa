import type { Module } from '@chainrule/tensor';
import {
  ChainruleError,
  checkPositiveInteger,
  checkShape,
  type MlpConfig,
  type MlpOptions,
  type MlpParams,
  mlp,
  type Params,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

export interface IdentityOptions {
  /** Width of the input, which is the output. */
  readonly in: number;
}
export type IdentityConfig = { readonly type: 'identity'; readonly in: number };

/**
 * A head that leaves what it gets as it is, for fusion strategies whose z is the output already:
 * `late` and `evidential` give logits. `[batch, in]` → the same.
 *
 * @throws ChainruleError `OPTION` where `in` is not a positive integer; from `apply`, `SHAPE`.
 *
 * @example
 * const model = multimodal({
 *   encoders,
 *   fusion: (options) => late({ ...options, width: 13 }),
 *   head: (width) => identity({ in: width }),
 * });
 */
export function identity(
  options: IdentityOptions,
): Module<tf.Tensor2D, tf.Tensor2D, Params, IdentityConfig> {
  checkPositiveInteger('trainer.identity', 'in', options.in);
  return {
    config: { type: 'identity', in: options.in },
    init: () => ({}),
    apply(_params, x) {
      checkShape('trainer.identity', 'input', x, ['batch', options.in]);
      return tf.clone(x);
    },
  };
}

export interface ScaledMlpOptions extends MlpOptions {
  /** Where the targets lie: their mean, one number an output. */
  readonly shift: readonly number[];
  /** How far they spread: their standard deviation, one positive number an output. */
  readonly scale: readonly number[];
}

export type ScaledMlpConfig = Omit<MlpConfig, 'type'> & {
  readonly type: 'scaledMlp';
  readonly shift: readonly number[];
  readonly scale: readonly number[];
};

/**
 * A head for regression in the targets' own units: y = shift + scale ⊙ mlp(x), `[batch, in]` →
 * `[batch, out]`. With the targets' mean and standard deviation an untrained head predicts about
 * the mean, and the learning rate need not know whether prices are in cents or in millions.
 *
 * @throws ChainruleError `OPTION` where shift or scale has not `out` finite numbers, or a scale is
 * not positive; whatever `mlp` throws.
 *
 * @example
 * const head = (width: number) => scaledMlp({ in: width, out: 1, shift: [2500], scale: [1100] });
 */
export function scaledMlp(
  options: ScaledMlpOptions,
): Module<tf.Tensor2D, tf.Tensor2D, MlpParams, ScaledMlpConfig> {
  const { shift, scale, ...rest } = options;
  const inner = mlp(rest);
  check('shift', shift, inner.config.out, Number.isFinite);
  check('scale', scale, inner.config.out, (value) => Number.isFinite(value) && value > 0);
  return {
    config: { ...inner.config, type: 'scaledMlp', shift, scale },
    init: inner.init,
    apply: (params, x, context) =>
      tf.tidy(() => {
        const y = tf.mul(inner.apply(params, x, context), tf.tensor1d([...scale]));
        return tf.add(y, tf.tensor1d([...shift]));
      }),
  };
}

function check(
  name: string,
  values: readonly number[],
  out: number,
  isValid: (value: number) => boolean,
): void {
  if (values.length === out && values.every(isValid)) return;
  const wanted = `${out} ${name === 'scale' ? 'positive' : 'finite'} number${out === 1 ? '' : 's'}`;
  throw new ChainruleError(
    'OPTION',
    `trainer.scaledMlp: ${name} must be ${wanted}, got [${values.join(', ')}]`,
  );
}
