import {
  activations,
  ChainruleError,
  checkPositiveInteger,
  type DenseParams,
  dense,
  type Embedding,
  type Encoder,
  type Key,
  layerNorm,
  type NormParams,
  type Params,
  split,
  truncatedNormal,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { Augmentation } from './augment.js';
import type { MapSize } from './block.js';
import { type HeadOptions, headOf } from './head.js';
import { type ImageOptions, imageInput } from './images.js';
import { type PatchParams, patches } from './patches.js';
import { imagenetPixels, type Pixels } from './pixels.js';

export interface ConvNextOptions extends ImageOptions, HeadOptions {
  /** Side of the stem's patches; 4 for large images. Default 2. */
  readonly patch?: number;
  /** Blocks of each stage; each stage but the first halves the map. Default `[1, 1, 3, 1]`. */
  readonly depths?: readonly number[];
  /** Channels of each stage; default `[48, 96, 192, 384]`. */
  readonly filters?: readonly number[];
  /** Side of the depthwise window; default 7. */
  readonly kernel?: number;
}

export type ConvNextConfig = {
  readonly type: 'convNext';
  readonly size: readonly [height: number, width: number];
  readonly patch: number;
  readonly depths: readonly number[];
  readonly filters: readonly number[];
  readonly kernel: number;
  readonly head: 'features' | 'dense';
  readonly width: number;
  readonly pixels: Pixels;
  readonly augment: readonly Augmentation[];
};

interface BlockParams extends Params {
  /** Depthwise, `[kernel, kernel, channels, 1]`. */
  readonly kernel: tf.Tensor4D;
  readonly bias: tf.Tensor1D;
  readonly norm: NormParams;
  readonly hidden: DenseParams;
  readonly out: DenseParams;
  /** What each channel of the block's change is multiplied by; starts at 1e-6. */
  readonly scale: tf.Tensor1D;
}
interface StageParams extends Params {
  /** Of the first stage the stem, whose norm comes after its patches. */
  readonly down: { readonly norm: NormParams; readonly patches: PatchParams };
  readonly blocks: readonly BlockParams[];
}
export interface ConvNextParams extends Params {
  readonly stages: readonly StageParams[];
  readonly norm: NormParams;
  readonly dense?: DenseParams;
}

const EPSILON = 1e-6;

/**
 * A ConvNeXt: blocks x ← x + γ·W₂ gelu(W₁ LN(depthwise 7×7(x))), a patch stem, between stages a
 * layer norm and a 2×2 convolution with stride 2; at the end the mean over all places and a norm.
 *
 * `[batch, height, width, 3]`, float32 pixels in 0…1, → `vector` `[batch, width]`, `tokens`
 * `[batch, height'·width', channels]`. ConvNeXt-T is `{ patch: 4, depths: [3, 3, 9, 3], filters:
 * [96, 192, 384, 768] }`. GELU is its tanh approximation.
 *
 * Source: Liu et al., A ConvNet for the 2020s (2022).
 *
 * @throws ChainruleError `OPTION`; from `apply`, `SHAPE`, `EMPTY_BATCH`, `MISSING_KEY`.
 * @example
 * const encoder = convNext({ size: [64, 64], depths: [1, 1], filters: [32, 64] });
 */
export function convNext(
  options: ConvNextOptions = {},
): Encoder<tf.Tensor4D, ConvNextParams, ConvNextConfig> & { readonly map: MapSize } {
  const where = 'encoders-image.convNext';
  const { patch = 2, kernel = 7 } = options;
  const size = options.size ?? ([64, 64] as const);
  const depths = options.depths ?? [1, 1, 3, 1];
  const filters = options.filters ?? [48, 96, 192, 384];
  checkPositiveInteger(where, 'kernel', kernel);
  for (const depth of depths) checkPositiveInteger(where, 'depths', depth);
  if (depths.length === 0 || depths.length !== filters.length) {
    throw new ChainruleError(
      'OPTION',
      `${where}: depths and filters must be lists of one number a stage, got ${depths.length} and ${filters.length}`,
    );
  }
  const stages = filters.map((width, i) => {
    const shrink = patch * 2 ** (i - 1);
    const grid = [size[0] / shrink, size[1] / shrink] as const;
    const down =
      i === 0
        ? patches(where, size, patch, width)
        : patches(where, grid, 2, width, filters[i - 1]!);
    return { width, down, block: blockOf(width, kernel), depth: depths[i]! };
  });
  const norms = filters.map((width) => layerNorm<tf.Tensor4D>({ width, epsilon: EPSILON }));
  const channels = filters.at(-1)!;
  const last = layerNorm({ width: channels, epsilon: EPSILON });
  const head = headOf(options, channels);
  const config: ConvNextConfig = {
    type: 'convNext',
    size,
    patch,
    depths,
    filters,
    kernel,
    head: head.head,
    width: head.width,
    pixels: options.pixels ?? imagenetPixels,
    augment: options.augment ?? [],
  };
  const input = imageInput(where, { ...config, channels: 3 });

  return {
    config,
    width: head.width,
    tokenWidth: channels,
    map: [...stages.at(-1)!.down.grid, channels],
    init: (key) => ({
      stages: stages.map(({ down, block, depth }, i) => {
        const own = split(split(key, 'stages'), i);
        return {
          down: {
            norm: norms[Math.max(i - 1, 0)]!.init(split(own, 'norm')),
            patches: down.init(split(own, 'patches')),
          },
          blocks: Array.from({ length: depth }, (_, b) =>
            block.init(split(split(own, 'blocks'), b)),
          ),
        };
      }),
      norm: last.init(split(key, 'norm')),
      ...head.init(key),
    }),
    apply: (params, pixels, context = {}): Embedding =>
      tf.tidy(() => {
        const x = stages.reduce(
          (y, { down, block }, i) => {
            const own = params.stages[i]!;
            const lower =
              i === 0
                ? norms[0]!.apply(own.down.norm, down.apply(own.down.patches, y))
                : down.apply(own.down.patches, norms[i - 1]!.apply(own.down.norm, y));
            return own.blocks.reduce((z, each) => block.apply(each, z), lower);
          },
          input(pixels, context),
        );
        const pooled = last.apply(params.norm, tf.mean<tf.Tensor2D>(x, [1, 2]));
        return {
          vector: head.apply(params, pooled),
          tokens: tf.reshape<tf.Rank.R3>(x, [x.shape[0], -1, channels]),
        };
      }),
  };
}

function blockOf(width: number, kernel: number) {
  const norm = layerNorm<tf.Tensor4D>({ width, epsilon: EPSILON });
  const hidden = dense({ in: width, out: 4 * width });
  const out = dense({ in: 4 * width, out: width });
  return {
    init: (key: Key): BlockParams => ({
      kernel: truncatedNormal(0.02)(split(key, 'kernel'), [
        kernel,
        kernel,
        width,
        1,
      ]) as tf.Tensor4D,
      bias: tf.zeros([width]),
      norm: norm.init(split(key, 'norm')),
      hidden: hidden.init(split(key, 'hidden')),
      out: out.init(split(key, 'out')),
      scale: tf.fill([width], 1e-6),
    }),
    apply(params: BlockParams, x: tf.Tensor4D): tf.Tensor4D {
      const filtered = tf.add(tf.depthwiseConv2d(x, params.kernel, 1, 'same'), params.bias);
      const normed = norm.apply(params.norm, filtered as tf.Tensor4D);
      const flat = tf.reshape<tf.Rank.R2>(normed, [-1, width]);
      const changed = out.apply(params.out, activations.gelu(hidden.apply(params.hidden, flat)));
      return tf.add(x, tf.reshape(tf.mul(changed, params.scale), x.shape)) as tf.Tensor4D;
    },
  };
}
