import {
  ChainruleError,
  checkPositiveInteger,
  type DenseParams,
  type Embedding,
  type Encoder,
  type Params,
  split,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { Augmentation } from './augment.js';
import type { MapSize } from './block.js';
import { type ConvNormParams, convNorm, type NormMode } from './conv-norm.js';
import { type HeadOptions, headOf } from './head.js';
import { type ImageOptions, imageInput } from './images.js';
import { imagenetPixels, type Pixels } from './pixels.js';

export interface ResidualOptions extends ImageOptions, HeadOptions {
  /**
   * `cifar`: a 3×3 convolution, for images of 32 to 64 pixels; `imagenet`: 7×7 with stride 2, then
   * max pooling by 2. Default `cifar`.
   */
  readonly stem?: 'cifar' | 'imagenet';
  /** Two 3×3 convolutions, or 1×1, 3×3 and 1×1 with four times the width. Default `basic`. */
  readonly block?: 'basic' | 'bottleneck';
  /** Blocks of each stage; each stage but the first halves the map. Default `[2, 2, 2, 2]`. */
  readonly depths?: readonly number[];
  /** Filters of each stage; default `[64, 128, 256, 512]`. */
  readonly filters?: readonly number[];
  /** Default `train`. */
  readonly norm?: NormMode;
}

export type ResidualConfig = {
  readonly type: 'residual';
  readonly size: readonly [height: number, width: number];
  readonly stem: 'cifar' | 'imagenet';
  readonly block: 'basic' | 'bottleneck';
  readonly depths: readonly number[];
  readonly filters: readonly number[];
  readonly norm: NormMode;
  readonly head: 'features' | 'dense';
  readonly width: number;
  readonly pixels: Pixels;
  readonly augment: readonly Augmentation[];
};

interface BlockParams extends Params {
  readonly layers: readonly ConvNormParams[];
  /** Where the block changes size or channels. */
  readonly shortcut?: ConvNormParams;
}
export interface ResidualParams extends Params {
  readonly stem: ConvNormParams;
  readonly blocks: readonly BlockParams[];
  readonly dense?: DenseParams;
}
export interface Residual extends Encoder<tf.Tensor4D, ResidualParams, ResidualConfig> {
  /** `[height, width, channels]` of the last feature map. */
  readonly map: MapSize;
}

/**
 * A residual network: y = relu(x + F(x)), F two 3×3 convolutions (`basic`) or 1×1, 3×3, 1×1
 * (`bottleneck`, its stride in the 3×3), each with batch norm; then the mean over all places.
 *
 * `[batch, height, width, 3]`, float32 pixels in 0…1, → `vector` `[batch, width]`, `tokens`
 * `[batch, height'·width', channels]`. ResNet-18 is `{ stem: 'imagenet' }`, ResNet-50 `{ stem:
 * 'imagenet', block: 'bottleneck', depths: [3, 4, 6, 3] }`. Zeros are padded as PyTorch does, so
 * its weights fit.
 *
 * Source: He et al., Deep residual learning for image recognition (2015).
 *
 * @throws ChainruleError `OPTION`; from `apply`, `SHAPE`, `EMPTY_BATCH`, `MISSING_KEY`.
 * @example
 * const encoder = residual({ size: [32, 32], depths: [1, 1, 1], filters: [16, 32, 64] });
 */
export function residual(options: ResidualOptions = {}): Residual {
  const where = 'encoders-image.residual';
  const depths = options.depths ?? [2, 2, 2, 2];
  const filters = options.filters ?? [64, 128, 256, 512];
  const { stem: stemKind = 'cifar', block: kind = 'basic', norm = 'train' } = options;
  if (depths.length === 0 || depths.length !== filters.length) {
    throw new ChainruleError(
      'OPTION',
      `${where}: depths and filters must be lists of one number a stage, got ${depths.length} and ${filters.length}`,
    );
  }
  for (const depth of depths) checkPositiveInteger(where, 'depths', depth);
  const widen = kind === 'bottleneck' ? 4 : 1;
  const unit = (from: number, to: number, kernel: number, stride: number) =>
    convNorm({
      in: from,
      out: to,
      kernel,
      stride,
      padding: 'symmetric',
      norm,
      momentum: 0.1,
      epsilon: 1e-5,
    });
  const stem = stemKind === 'cifar' ? unit(3, filters[0]!, 3, 1) : unit(3, filters[0]!, 7, 2);
  let channels = filters[0]!;
  const blocks = depths.flatMap((depth, stage) =>
    Array.from({ length: depth }, (_, i) => {
      const [from, inner, stride] = [channels, filters[stage]!, stage > 0 && i === 0 ? 2 : 1];
      channels = inner * widen;
      const layers =
        kind === 'basic'
          ? [unit(from, inner, 3, stride), unit(inner, inner, 3, 1)]
          : [unit(from, inner, 1, 1), unit(inner, inner, 3, stride), unit(inner, channels, 1, 1)];
      const same = stride === 1 && from === channels;
      return { layers, shortcut: same ? undefined : unit(from, channels, 1, stride) };
    }),
  );
  const head = headOf(options, channels);
  const config: ResidualConfig = {
    type: 'residual',
    size: options.size ?? [64, 64],
    stem: stemKind,
    block: kind,
    depths,
    filters,
    norm,
    head: head.head,
    width: head.width,
    pixels: options.pixels ?? imagenetPixels,
    augment: options.augment ?? [],
  };
  const input = imageInput(where, { ...config, channels: 3 });
  const shrink = (stemKind === 'imagenet' ? 4 : 1) * 2 ** (depths.length - 1);
  const map: MapSize = [
    Math.ceil(config.size[0] / shrink),
    Math.ceil(config.size[1] / shrink),
    channels,
  ];

  return {
    config,
    width: head.width,
    tokenWidth: channels,
    map,
    init: (key) => ({
      stem: stem.init(split(key, 'stem')),
      blocks: blocks.map(({ layers, shortcut }, i) => {
        const own = split(split(key, 'blocks'), i);
        return {
          layers: layers.map((layer, k) => layer.init(split(own, k))),
          ...(shortcut && { shortcut: shortcut.init(split(own, 'shortcut')) }),
        };
      }),
      ...head.init(key),
    }),
    apply: (params, pixels, context = {}): Embedding =>
      tf.tidy(() => {
        const first = tf.relu(stem.apply(params.stem, input(pixels, context), context));
        const x = blocks.reduce(
          (y, { layers, shortcut }, b) => {
            const own = params.blocks[b]!;
            const inner = layers.reduce((z, layer, k) => {
              const out = layer.apply(own.layers[k]!, z, context);
              return k === layers.length - 1 ? out : tf.relu(out);
            }, y);
            const skipped = shortcut ? shortcut.apply(own.shortcut!, y, context) : y;
            return tf.relu(tf.add(skipped, inner));
          },
          stemKind === 'imagenet' ? pooled(first) : first,
        );
        return {
          vector: head.apply(params, tf.mean<tf.Tensor2D>(x, [1, 2])),
          tokens: tf.reshape<tf.Rank.R3>(x, [x.shape[0], -1, channels]),
        };
      }),
  };
}

/** Max pooling of 3×3 with stride 2; what went through ReLU may be padded with zeros. */
function pooled(x: tf.Tensor4D): tf.Tensor4D {
  const sides: [number, number] = [1, 1];
  return tf.maxPool(tf.pad(x, [[0, 0], sides, sides, [0, 0]]), 3, 2, 'valid');
}
