import {
  type Activation,
  activations,
  ChainruleError,
  checkPositiveInteger,
  initializerFor,
  type Key,
  type Params,
  split,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

export interface ConvBlockOptions {
  /** Channels that the convolution gives. */
  readonly filters: number;
  /** Side of the convolution's square window; default 3. */
  readonly kernel?: number;
  /** Default 1. */
  readonly stride?: number;
  /** `same` pads with zeros so that stride 1 keeps the size, `valid` does not pad. Default `same`. */
  readonly padding?: 'same' | 'valid';
  /** Default `relu`. */
  readonly activation?: Activation;
  /** Side and stride of a max pooling window, 1 for none; default 1. */
  readonly pool?: number;
}

export type ConvBlockConfig = {
  readonly [K in keyof ConvBlockOptions]-?: NonNullable<ConvBlockOptions[K]>;
};

/** `[height, width]` or, with channels, `[height, width, channels]` of a feature map. */
export type MapSize = readonly [height: number, width: number, channels: number];

/** The options with their defaults, checked. `where` names the block in errors. */
export function convBlockConfig(where: string, options: ConvBlockOptions): ConvBlockConfig {
  const config = {
    filters: options.filters,
    kernel: options.kernel ?? 3,
    stride: options.stride ?? 1,
    padding: options.padding ?? 'same',
    activation: options.activation ?? 'relu',
    pool: options.pool ?? 1,
  };
  for (const name of ['filters', 'kernel', 'stride', 'pool'] as const) {
    checkPositiveInteger(where, name, config[name]);
  }
  return config;
}

/**
 * The feature map that a block makes of one of size `[height, width, channels]`.
 *
 * @throws ChainruleError `OPTION` where nothing of the map is left.
 */
export function convBlockSize(where: string, config: ConvBlockConfig, input: MapSize): MapSize {
  const side = (size: number) => {
    const convolved =
      config.padding === 'same'
        ? Math.ceil(size / config.stride)
        : Math.floor((size - config.kernel) / config.stride) + 1;
    return Math.floor(convolved / config.pool);
  };
  const [height, width] = [side(input[0]), side(input[1])];
  if (height < 1 || width < 1) {
    throw new ChainruleError(
      'OPTION',
      `${where}: nothing is left of a ${input[0]}×${input[1]} map after a ${config.kernel}×${config.kernel} ` +
        `convolution (stride ${config.stride}, ${config.padding}) and pooling by ${config.pool}; ` +
        'use larger images, fewer blocks or less pooling',
    );
  }
  return [height, width, config.filters];
}

export interface ConvBlockParams extends Params {
  /** `[kernel, kernel, in, filters]`. */
  readonly kernel: tf.Tensor4D;
  /** `[filters]`. */
  readonly bias: tf.Tensor1D;
}

export function initConvBlock(
  config: ConvBlockConfig,
  channels: number,
  key: Key,
): ConvBlockParams {
  const shape = [config.kernel, config.kernel, channels, config.filters];
  return {
    kernel: initializerFor(config.activation)(split(key, 'kernel'), shape) as tf.Tensor4D,
    bias: tf.zeros([config.filters]),
  };
}

/** pool(f(conv(x) + b)): `[batch, height, width, in]` → `[batch, height', width', filters]`. */
export function applyConvBlock(
  config: ConvBlockConfig,
  params: ConvBlockParams,
  x: tf.Tensor4D,
): tf.Tensor4D {
  const activate = activations[config.activation];
  const pool = (y: tf.Tensor4D) =>
    config.pool === 1 ? y : tf.maxPool(y, config.pool, config.pool, 'valid');
  const convolved = tf.conv2d(x, params.kernel, config.stride, config.padding);
  // The bias and every activation that never falls commute with max pooling: pooled first, they
  // and their gradients touch a quarter of the numbers, with the same result.
  return config.activation === 'gelu'
    ? pool(activate(tf.add(convolved, params.bias)))
    : activate(tf.add(pool(convolved), params.bias));
}
