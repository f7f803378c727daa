import * as tf from '@tensorflow/tfjs-core';
import { type Activation, activations, initializerFor } from './activations.js';
import { dropout } from './dropout.js';
import type { Context, Module, Params } from './module.js';
import { lookUp } from './names.js';
import { type Key, split } from './random.js';
import { checkPositiveInteger, checkRate, checkShape } from './shapes.js';

export interface DenseOptions {
  /** Width of the input. */
  readonly in: number;
  /** Width of the output. */
  readonly out: number;
  /** Default `linear`. */
  readonly activation?: Activation;
  /** Default true. */
  readonly bias?: boolean;
}

export interface DenseParams extends Params {
  readonly kernel: tf.Tensor2D;
}

export type DenseConfig = { readonly type: 'dense' } & {
  readonly [K in keyof DenseOptions]-?: NonNullable<DenseOptions[K]>;
};

/**
 * y = f(x·W + b), `[batch, in]` → `[batch, out]`. W starts as He (ReLU, GELU) or Glorot, b at 0.
 *
 * @throws ChainruleError `OPTION` for widths that are no positive integers, `UNKNOWN_NAME` for an
 * unknown activation; from `apply`, `SHAPE` for another width and `EMPTY_BATCH`.
 *
 * @example
 * const layer = dense({ in: 128, out: 13 });
 * const logits = layer.apply(layer.init(key(0)), x);
 */
export function dense(
  options: DenseOptions,
): Module<tf.Tensor2D, tf.Tensor2D, DenseParams, DenseConfig> {
  const config: DenseConfig = { type: 'dense', activation: 'linear', bias: true, ...options };
  checkPositiveInteger('tensor.dense', 'in', config.in);
  checkPositiveInteger('tensor.dense', 'out', config.out);
  const activate = lookUp('tensor.dense: activation', activations, config.activation);
  return {
    config,
    init: (key) => ({
      kernel: initializerFor(config.activation)(split(key, 'kernel'), [
        config.in,
        config.out,
      ]) as tf.Tensor2D,
      ...(config.bias ? { bias: tf.zeros([config.out]) } : {}),
    }),
    apply(params, x) {
      checkShape('tensor.dense', 'input', x, ['batch', config.in]);
      return tf.tidy(() => {
        const product = tf.matMul(x, params.kernel);
        return activate(
          config.bias ? tf.add(product, params.bias as tf.Tensor1D) : product,
        ) as tf.Tensor2D;
      });
    },
  };
}

export interface MlpOptions {
  readonly in: number;
  /** Widths of the hidden layers, none by default. */
  readonly hidden?: readonly number[];
  readonly out: number;
  /** Of the hidden layers; default `relu`. The last layer is linear. */
  readonly activation?: Activation;
  /** Dropout rate before each layer but the first; default 0. */
  readonly dropout?: number;
}

export type MlpConfig = { readonly type: 'mlp' } & {
  readonly [K in keyof MlpOptions]-?: NonNullable<MlpOptions[K]>;
};
export interface MlpParams extends Params {
  readonly layers: readonly DenseParams[];
}

/**
 * A multilayer perceptron: dense layers, the last one linear. `[batch, in]` → `[batch, out]`.
 *
 * @example
 * const head = mlp({ in: 128, hidden: [64], out: 13, dropout: 0.1 });
 */
export function mlp(options: MlpOptions): Module<tf.Tensor2D, tf.Tensor2D, MlpParams, MlpConfig> {
  const config: MlpConfig = { type: 'mlp', hidden: [], activation: 'relu', dropout: 0, ...options };
  checkRate('tensor.mlp', 'dropout', config.dropout);
  const widths = [config.in, ...config.hidden, config.out];
  const layers = widths.slice(1).map((out, i) =>
    dense({
      in: widths[i]!,
      out,
      activation: i < config.hidden.length ? config.activation : 'linear',
    }),
  );
  return {
    config,
    init: (key: Key) => ({ layers: layers.map((layer, i) => layer.init(split(key, i))) }),
    apply: (params, x, context: Context = {}) =>
      tf.tidy(() =>
        layers.reduce(
          (y, layer, i) =>
            layer.apply(
              params.layers[i]!,
              i === 0 ? y : dropout(y, config.dropout, context, `dropout${i}`),
            ),
          x,
        ),
      ),
  };
}
