import {
  activations,
  checkPositiveInteger,
  type DenseParams,
  dense,
  type Embedding,
  type Encoder,
  layerNorm,
  type NormParams,
  type Params,
  split,
  tokenwise,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { Augmentation } from './augment.js';
import { type HeadOptions, headOf } from './head.js';
import { type ImageOptions, imageInput } from './images.js';
import { type PatchParams, patches } from './patches.js';
import type { Pixels } from './pixels.js';

export interface MlpMixerOptions extends ImageOptions, HeadOptions {
  /** Side of a patch in pixels; default 8. */
  readonly patch?: number;
  /** Width of the tokens; default 128. */
  readonly tokens?: number;
  /** Default 4. */
  readonly layers?: number;
  /** Hidden width of the mixing over places; default tokens/2. */
  readonly placesHidden?: number;
  /** Hidden width of the mixing over channels; default 4·tokens. */
  readonly hidden?: number;
}

export type MlpMixerConfig = {
  readonly type: 'mlpMixer';
  readonly size: readonly [height: number, width: number];
  readonly patch: number;
  readonly tokens: number;
  readonly layers: number;
  readonly placesHidden: number;
  readonly hidden: number;
  readonly head: 'features' | 'dense';
  readonly width: number;
  readonly pixels: Pixels;
  readonly augment: readonly Augmentation[];
};

interface MixParams extends Params {
  readonly norm: NormParams;
  readonly hidden: DenseParams;
  readonly out: DenseParams;
}
export interface MlpMixerParams extends Params {
  readonly patches: PatchParams;
  readonly layers: readonly { readonly places: MixParams; readonly channels: MixParams }[];
  readonly norm: NormParams;
  readonly dense?: DenseParams;
}

/**
 * An MLP-mixer: layers that mix first over places, x ← x + (W₂ gelu(W₁ LN(x)ᵀ))ᵀ, then over
 * channels, x ← x + W₄ gelu(W₃ LN(x)); at the end a norm and the mean of all tokens.
 *
 * `[batch, height, width, 3]`, float32 pixels in 0…1, → `vector` `[batch, width]`, `tokens`
 * `[batch, patches, tokens]`.
 *
 * Source: Tolstikhin et al., MLP-Mixer: an all-MLP architecture for vision (2021).
 *
 * @throws ChainruleError `OPTION`; from `apply`, `SHAPE`, `EMPTY_BATCH`, `MISSING_KEY`.
 * @example
 * const encoder = mlpMixer({ size: [64, 64], patch: 8, layers: 2 });
 */
export function mlpMixer(
  options: MlpMixerOptions = {},
): Encoder<tf.Tensor4D, MlpMixerParams, MlpMixerConfig> {
  const where = 'encoders-image.mlpMixer';
  const { patch = 8, tokens = 128, layers = 4 } = options;
  const { placesHidden = Math.ceil(tokens / 2), hidden = 4 * tokens } = options;
  const size = options.size ?? ([64, 64] as const);
  checkPositiveInteger(where, 'layers', layers);
  const embed = patches(where, size, patch, tokens);
  const places = embed.grid[0] * embed.grid[1];
  const head = headOf(options, tokens);
  const config: MlpMixerConfig = {
    type: 'mlpMixer',
    size,
    patch,
    tokens,
    layers,
    placesHidden,
    hidden,
    head: head.head,
    width: head.width,
    pixels: options.pixels ?? 'centered',
    augment: options.augment ?? [],
  };
  const input = imageInput(where, { ...config, channels: 3 });
  const norm = layerNorm<tf.Tensor3D>({ width: tokens });
  const mix = (width: number, inner: number) => ({
    hidden: dense({ in: width, out: inner }),
    out: dense({ in: inner, out: width }),
  });
  const parts = { places: mix(places, placesHidden), channels: mix(tokens, hidden) };
  const turn = (x: tf.Tensor3D) => tf.transpose(x, [0, 2, 1]);

  function mixed(name: keyof typeof parts, params: MixParams, x: tf.Tensor3D): tf.Tensor3D {
    const { hidden: first, out } = parts[name];
    const normed = norm.apply(params.norm, x);
    const given = name === 'places' ? turn(normed) : normed;
    const y = activations.gelu(tokenwise(first, params.hidden, given));
    const change = tokenwise(out, params.out, y);
    return tf.add(x, name === 'places' ? turn(change) : change);
  }

  return {
    config,
    width: head.width,
    tokenWidth: tokens,
    init: (key) => {
      const layer = (i: number, name: keyof typeof parts): MixParams => {
        const own = split(split(split(key, 'layers'), i), name);
        return {
          norm: norm.init(split(own, 'norm')),
          hidden: parts[name].hidden.init(split(own, 'hidden')),
          out: parts[name].out.init(split(own, 'out')),
        };
      };
      return {
        patches: embed.init(split(key, 'patches')),
        layers: Array.from({ length: layers }, (_, i) => ({
          places: layer(i, 'places'),
          channels: layer(i, 'channels'),
        })),
        norm: norm.init(split(key, 'norm')),
        ...head.init(key),
      };
    },
    apply: (params, pixels, context = {}): Embedding =>
      tf.tidy(() => {
        const x = embed.apply(params.patches, input(pixels, context));
        const first = tf.reshape<tf.Rank.R3>(x, [x.shape[0], places, tokens]);
        const last = params.layers.reduce(
          (y, own) => mixed('channels', own.channels, mixed('places', own.places, y)),
          first,
        );
        const y = norm.apply(params.norm, last);
        return { vector: head.apply(params, tf.mean<tf.Tensor2D>(y, 1)), tokens: y };
      }),
  };
}
