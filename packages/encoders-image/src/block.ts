import {
  type Activation,
  activations,
  type BatchNormParams,
  batchNorm,
  ChainruleError,
  type Context,
  checkPositiveInteger,
  groupNorm,
  initializerFor,
  type Module,
  type NormParams,
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
  /**
   * Normalises the convolution's output, whose bias then is the norm's offset. `batch` needs real
   * examples only in a training batch; `group` treats each example on its own. Default `none`.
   */
  readonly norm?: 'none' | 'batch' | 'group';
  /** Groups of channels of a group norm; must divide `filters`. Default 8. */
  readonly groups?: number;
  /** Default `relu`. */
  readonly activation?: Activation;
  /** Side and stride of a max pooling window, 1 for none; default 1. */
  readonly pool?: number;
}

export type ConvBlockConfig = {
  readonly [K in keyof ConvBlockOptions]-?: NonNullable<ConvBlockOptions[K]>;
};

/** The size of a feature map. */
export type MapSize = readonly [height: number, width: number, channels: number];

/** The options with their defaults, checked. `where` names the block in errors. */
export function convBlockConfig(where: string, options: ConvBlockOptions): ConvBlockConfig {
  const config = {
    filters: options.filters,
    kernel: options.kernel ?? 3,
    stride: options.stride ?? 1,
    padding: options.padding ?? 'same',
    norm: options.norm ?? 'none',
    groups: options.groups ?? 8,
    activation: options.activation ?? 'relu',
    pool: options.pool ?? 1,
  };
  for (const name of ['filters', 'kernel', 'stride', 'groups', 'pool'] as const) {
    checkPositiveInteger(where, name, config[name]);
  }
  if (config.norm === 'group' && config.filters % config.groups !== 0) {
    throw new ChainruleError(
      'OPTION',
      `${where}: groups must divide filters, got ${config.groups} groups of ${config.filters} filters`,
    );
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
}

/**
 * One conv block: `[batch, height, width, in]` → `[batch, height', width', filters]`,
 *
 *     pool(f(norm(conv(x))))    or, without a norm,    pool(f(conv(x) + b))
 *
 * Parameters: `kernel`, and `bias` or the norm's own as `norm`. The kernel starts as He (ReLU,
 * GELU) or Glorot, the bias at 0.
 */
export function convBlock(
  config: ConvBlockConfig,
  channels: number,
): Omit<Module<tf.Tensor4D, tf.Tensor4D, ConvBlockParams>, 'config'> {
  const { filters, kernel, stride, padding, pool: window } = config;
  const norm = normOf(config);
  const activate = activations[config.activation];
  const shift = (x: tf.Tensor4D, params: ConvBlockParams, context: Context): tf.Tensor4D =>
    norm === undefined
      ? tf.add(x, params.bias as tf.Tensor1D)
      : norm.apply(params.norm as NormParams & BatchNormParams, x, context);
  const pool = (x: tf.Tensor4D): tf.Tensor4D =>
    window === 1 ? x : tf.maxPool(x, window, window, 'valid');
  // What never falls commutes with max pooling. Pooled first, it and its gradient touch a quarter
  // of the numbers, with the same result: a bias and all activations but GELU. A norm may scale by
  // a negative number.
  const rises = config.activation !== 'gelu';
  return {
    init: (key) => ({
      kernel: initializerFor(config.activation)(split(key, 'kernel'), [
        kernel,
        kernel,
        channels,
        filters,
      ]) as tf.Tensor4D,
      ...(norm === undefined
        ? { bias: tf.zeros([filters]) }
        : { norm: norm.init(split(key, 'norm')) }),
    }),
    apply: (params, x, context = {}) =>
      tf.tidy(() => {
        const y = tf.conv2d(x, params.kernel, stride, padding);
        if (!rises) return pool(activate(shift(y, params, context)));
        return norm === undefined
          ? activate(shift(pool(y), params, context))
          : activate(pool(shift(y, params, context)));
      }),
  };
}

function normOf({ norm, filters, groups }: ConvBlockConfig) {
  if (norm === 'none') return undefined;
  return norm === 'batch' ? batchNorm({ width: filters }) : groupNorm({ width: filters, groups });
}
