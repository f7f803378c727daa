import * as tf from '@tensorflow/tfjs-core';
import { ChainruleError } from './errors.js';
import { hasKernel } from './kernels.js';
import { fusedLayerNorm, LAYER_NORM } from './layer-norm.js';
import type { Module, Params } from './module.js';
import { checkChannels, checkPositive, checkPositiveInteger } from './shapes.js';

export interface NormParams extends Params {
  readonly scale: tf.Tensor1D;
  readonly offset: tf.Tensor1D;
}

export interface LayerNormOptions {
  /** Size of the last axis of the input. */
  readonly width: number;
  /** Default 1e-5. */
  readonly epsilon?: number;
}

export type LayerNormConfig = { readonly type: 'layerNorm' } & Required<LayerNormOptions>;

/**
 * Layer normalisation (Ba, Kiros and Hinton, 2016): each example (each token) is normalised over its
 * last axis, y = scale·(x − μ)/√(σ² + ε) + offset. `[batch, …, width]` → the same.
 *
 * @example
 * const norm = layerNorm<tf.Tensor3D>({ width: 256 });
 * const y = norm.apply(norm.init(key(0)), tf.ones([8, 64, 256]));
 */
export function layerNorm<T extends tf.Tensor = tf.Tensor2D>(
  options: LayerNormOptions,
): Module<T, T, NormParams, LayerNormConfig> {
  const config: LayerNormConfig = { type: 'layerNorm', epsilon: 1e-5, ...options };
  const { width, epsilon } = config;
  checkPositiveInteger('tensor.layerNorm', 'width', width);
  checkPositive('tensor.layerNorm', 'epsilon', epsilon);
  return {
    config,
    init: () => initNorm(width),
    apply(params, x) {
      checkChannels('tensor.layerNorm', x, width);
      if (hasKernel(LAYER_NORM, width))
        return fusedLayerNorm(x, params.scale, params.offset, epsilon);
      return tf.tidy(() =>
        affine(
          standardize(x, (t) => tf.mean(t, -1, true), epsilon),
          params,
        ),
      );
    },
  };
}

export interface GroupNormOptions {
  /** Size of the last axis of the input. */
  readonly width: number;
  /** How many groups of channels; must divide width. Default 8. */
  readonly groups?: number;
  /** Default 1e-5. */
  readonly epsilon?: number;
}

export type GroupNormConfig = { readonly type: 'groupNorm' } & Required<GroupNormOptions>;

/**
 * Group normalisation (Wu and He, 2018): the channels (the last axis) form groups, and each example
 * is normalised over all places and channels of a group. It does not depend on the batch, so it is
 * the same in training and outside. `[batch, …, width]` → the same.
 *
 * @throws ChainruleError `OPTION` where groups does not divide width.
 *
 * @example
 * const norm = groupNorm({ width: 64, groups: 8 });
 * const y = norm.apply(norm.init(key(0)), tf.ones([4, 16, 16, 64]));
 */
export function groupNorm<T extends tf.Tensor = tf.Tensor4D>(
  options: GroupNormOptions,
): Module<T, T, NormParams, GroupNormConfig> {
  const config: GroupNormConfig = { type: 'groupNorm', groups: 8, epsilon: 1e-5, ...options };
  const { width, groups, epsilon } = config;
  checkPositiveInteger('tensor.groupNorm', 'width', width);
  checkPositiveInteger('tensor.groupNorm', 'groups', groups);
  checkPositive('tensor.groupNorm', 'epsilon', epsilon);
  if (width % groups !== 0) {
    throw new ChainruleError(
      'OPTION',
      `tensor.groupNorm: groups must divide width, got ${groups} groups of ${width} channels`,
    );
  }
  // Places first, then channels: reducing the two axes at once would transpose the whole tensor.
  const average = (t: tf.Tensor) => {
    const batch = t.shape[0]!;
    const channels = tf.reshape(tf.mean(t, 1), [batch, groups, width / groups]);
    const means = tf.tile(tf.mean(channels, 2, true), [1, 1, width / groups]);
    return tf.reshape(means, [batch, 1, width]);
  };
  return {
    config,
    init: () => initNorm(width),
    apply(params, x) {
      checkChannels('tensor.groupNorm', x, width);
      return tf.tidy(() => {
        const places = tf.reshape(x, [x.shape[0]!, -1, width]);
        return tf.reshape(affine(standardize(places, average, epsilon), params), x.shape) as T;
      });
    },
  };
}

function initNorm(width: number): NormParams {
  return { scale: tf.ones([width]), offset: tf.zeros([width]) };
}

function affine<T extends tf.Tensor>(x: T, { scale, offset }: NormParams): T {
  return tf.add(tf.mul(x, scale), offset);
}

/**
 * x̂ = (x − A(x))/√(A((x − A(x))²) + ε), where A averages over the elements that are normalised
 * together and returns something that broadcasts against x.
 *
 * Its gradient takes two averages instead of the tape's dozen passes:
 * dx = (dy − A(dy) − x̂·A(dy·x̂))/√(σ² + ε).
 */
function standardize<T extends tf.Tensor>(
  x: T,
  average: (x: tf.Tensor) => tf.Tensor,
  epsilon: number,
): T {
  const op = tf.customGrad((...args) => {
    const [input, save] = args as [tf.Tensor, tf.GradSaveFunc];
    const centered = tf.sub(input, average(input));
    const inverse = tf.rsqrt(tf.add(average(tf.square(centered)), epsilon));
    const value = tf.mul(centered, inverse);
    save([value, inverse]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [normalized, factor] = saved as [tf.Tensor, tf.Tensor];
        const along = tf.mul(normalized, average(tf.mul(dy, normalized)));
        return tf.mul(tf.sub(tf.sub(dy, average(dy)), along), factor);
      },
    };
  });
  return op(x) as T;
}
