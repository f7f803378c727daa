import {
  type Activation,
  checkPositiveInteger,
  type DenseParams,
  dense,
  type Embedding,
  type Encoder,
  type Key,
  type Params,
  reduceMax,
  split,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { Augmentation } from './augment.js';
import {
  type ConvBlockConfig,
  type ConvBlockOptions,
  type ConvBlockParams,
  convBlock,
  convBlockConfig,
  convBlockSize,
  type MapSize,
} from './block.js';
import { grid } from './grid.js';
import { imageInput } from './images.js';
import type { Pixels } from './pixels.js';
import { type TokenLearnerParams, tokenLearner } from './token-learner.js';

export interface CnnOptions {
  /** `[height, width]` of the images; default `[64, 64]`. */
  readonly size?: readonly [height: number, width: number];
  /** Default 3. */
  readonly channels?: number;
  /** The conv blocks, first to last; default those of {@link small}. */
  readonly blocks?: readonly ConvBlockOptions[];
  /**
   * How the last feature map becomes a vector: all of its numbers (`flatten`), or the maximum or
   * mean of each channel. Default `globalMax`.
   */
  readonly pool?: 'flatten' | 'globalMax' | 'globalAverage';
  /**
   * Appends each pixel's row and column, −1…1, as two channels (CoordConv), for tasks that ask where
   * things are. Default false.
   */
  readonly coordinates?: boolean;
  /**
   * Gives so many tokens instead of every place of the last feature map: each a mean of the places,
   * and of their rows and columns, with learned weights (TokenLearner). Far cheaper where a strategy
   * looks at tokens or at pairs of them, and each can follow one thing of the picture. Default 0, every
   * place.
   */
  readonly learnedTokens?: number;
  /** Width of the embedding; default 128. */
  readonly width?: number;
  /** Of the dense layer that makes the embedding; default `relu`. */
  readonly activation?: Activation;
  /** What is done to the pixels first; default `centered`. */
  readonly pixels?: Pixels;
  /** Augmentations while training; default none. */
  readonly augment?: readonly Augmentation[];
}

export type CnnConfig = {
  readonly type: 'cnn';
  readonly size: readonly [height: number, width: number];
  readonly channels: number;
  readonly blocks: readonly ConvBlockConfig[];
  readonly pool: 'flatten' | 'globalMax' | 'globalAverage';
  readonly coordinates: boolean;
  readonly learnedTokens: number;
  readonly width: number;
  readonly activation: Activation;
  readonly pixels: Pixels;
  readonly augment: readonly Augmentation[];
};

export interface CnnParams extends Params {
  readonly blocks: readonly ConvBlockParams[];
  readonly dense: DenseParams;
  /** Where there are learned tokens. */
  readonly tokens?: TokenLearnerParams;
}

export interface CnnEncoder extends Encoder<tf.Tensor4D, CnnParams, CnnConfig> {
  /** `[height, width, channels]` of the last feature map. */
  readonly map: MapSize;
}

/** 16-32-64-64 filters, each 3×3 and max-pooled by 2. */
export const defaultBlocks: readonly ConvBlockOptions[] = [16, 32, 64, 64].map((filters) => ({
  filters,
  pool: 2,
}));

/**
 * A convolutional network: preprocessing, conv blocks, pooling, one dense layer.
 *
 * `[batch, height, width, channels]`, float32 pixels in 0…1, → `vector` `[batch, width]` and, as
 * `tokens`, the positions of the last feature map, row by row: `[batch, height'·width', filters]`, or
 * `[batch, learnedTokens, filters + 2]`.
 *
 * Source of `coordinates`: Liu et al., An intriguing failing of convolutional neural networks and the
 * CoordConv solution (2018); of `learnedTokens`: Ryoo et al., TokenLearner: What can 8 learned tokens
 * do for images and videos? (2021).
 *
 * @throws ChainruleError `SHAPE` where the pixels have another shape; `OPTION` where an option is
 * out of range or the blocks leave nothing of the image; `MISSING_KEY` when training with
 * augmentation without a key.
 * @example
 * const encoder = cnn({ size: [32, 32], blocks: [{ filters: 16, pool: 2 }], width: 64 });
 * const { vector } = encoder.apply(encoder.init(key(0)), tf.zeros([8, 32, 32, 3]));
 */
export function cnn(options: CnnOptions = {}): CnnEncoder {
  const where = 'encoders-image.cnn';
  const config: CnnConfig = {
    type: 'cnn',
    size: options.size ?? [64, 64],
    channels: options.channels ?? 3,
    blocks: (options.blocks ?? defaultBlocks).map((block, i) =>
      convBlockConfig(`${where}: block ${i}`, block),
    ),
    pool: options.pool ?? 'globalMax',
    coordinates: options.coordinates ?? false,
    learnedTokens: options.learnedTokens ?? 0,
    width: options.width ?? 128,
    activation: options.activation ?? 'relu',
    pixels: options.pixels ?? 'centered',
    augment: options.augment ?? [],
  };
  const [height, width] = config.size;
  const input = imageInput(where, config);
  checkPositiveInteger(where, 'width', config.width);
  if (config.learnedTokens !== 0) {
    checkPositiveInteger(where, 'learnedTokens', config.learnedTokens);
  }

  const maps: MapSize[] = [[height, width, config.channels + (config.coordinates ? 2 : 0)]];
  config.blocks.forEach((block, i) => {
    maps.push(convBlockSize(`${where}: block ${i}`, block, maps[i]!));
  });
  const blocks = config.blocks.map((block, i) => convBlock(block, maps[i]![2]));
  const map = maps[maps.length - 1]!;
  const [rows, columns, channels] = map;
  const output = dense({
    in: config.pool === 'flatten' ? rows * columns * channels : channels,
    out: config.width,
    activation: config.activation,
  });

  const learned = config.learnedTokens > 0 ? tokenLearner(map, config.learnedTokens) : undefined;

  function placed(x: tf.Tensor4D): tf.Tensor4D {
    if (!config.coordinates) return x;
    const at = tf.add(grid(height, width), tf.zeros([x.shape[0], 1, 1, 1]));
    return tf.concat([x, at as tf.Tensor4D], 3);
  }

  function pooled(x: tf.Tensor4D): tf.Tensor2D {
    if (config.pool === 'flatten') return tf.reshape(x, [x.shape[0], rows * columns * channels]);
    return config.pool === 'globalMax' ? reduceMax(x, [1, 2]) : tf.mean(x, [1, 2]);
  }

  return {
    config,
    width: config.width,
    tokenWidth: learned?.width ?? channels,
    map,
    init: (key: Key) => ({
      blocks: blocks.map((block, i) => block.init(split(split(key, 'blocks'), i))),
      dense: output.init(split(key, 'dense')),
      ...(learned && { tokens: learned.init(split(key, 'tokens')) }),
    }),
    apply(params, pixels, context = {}): Embedding {
      return tf.tidy(() => {
        const x = blocks.reduce(
          (y, block, i) => block.apply(params.blocks[i]!, y, context),
          placed(input(pixels, context)),
        );
        return {
          vector: output.apply(params.dense, pooled(x)),
          tokens:
            learned?.apply(params.tokens!, x, context) ??
            tf.reshape<tf.Rank.R3>(x, [x.shape[0], rows * columns, channels]),
        };
      });
    },
  };
}
