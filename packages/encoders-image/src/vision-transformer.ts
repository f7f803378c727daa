import {
  checkPositiveInteger,
  childContext,
  type DenseParams,
  type Embedding,
  type Encoder,
  type Params,
  split,
  type TransformerParams,
  transformer,
  truncatedNormal,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { Augmentation } from './augment.js';
import { type HeadOptions, headOf } from './head.js';
import { type ImageOptions, imageInput } from './images.js';
import { type PatchParams, patches } from './patches.js';
import type { Pixels } from './pixels.js';

export interface VisionTransformerOptions extends ImageOptions, HeadOptions {
  /** Side of a patch in pixels; default 8. */
  readonly patch?: number;
  /** Width of the tokens; default 192. */
  readonly tokens?: number;
  /** Default 4. */
  readonly layers?: number;
  /** Default 3. */
  readonly heads?: number;
  /** Width of the feed-forward layers; default 4·tokens. */
  readonly hidden?: number;
  /** Default 0. */
  readonly dropout?: number;
  /** A learned class token, or the mean of all tokens. Default `mean`. */
  readonly pool?: 'class' | 'mean';
  /**
   * Rows and columns of the position embeddings. Where they are others than those of the patches,
   * the embeddings are stretched, bilinearly: so weights of one size serve another. Default: those
   * of the patches.
   */
  readonly positions?: readonly [rows: number, columns: number];
}

export type VisionTransformerConfig = {
  readonly type: 'visionTransformer';
  readonly size: readonly [height: number, width: number];
  readonly patch: number;
  readonly tokens: number;
  readonly layers: number;
  readonly heads: number;
  readonly hidden: number;
  readonly dropout: number;
  readonly pool: 'class' | 'mean';
  readonly positions: readonly [rows: number, columns: number];
  readonly head: 'features' | 'dense';
  readonly width: number;
  readonly pixels: Pixels;
  readonly augment: readonly Augmentation[];
};

export interface VisionTransformerParams extends Params {
  readonly patches: PatchParams;
  /** `[rows·columns, tokens]`, with a class token one row more, its own, first. */
  readonly positions: tf.Tensor2D;
  /** `[1, tokens]`, with `pool: 'class'`. */
  readonly summary?: tf.Tensor2D;
  readonly transformer: TransformerParams;
  readonly dense?: DenseParams;
}

/**
 * A vision transformer: patches as tokens, learned positions, layers that normalise first, and the
 * class token or the mean of all.
 *
 * `[batch, height, width, 3]`, float32 pixels in 0…1, → `vector` `[batch, width]`, `tokens`
 * `[batch, patches, tokens]` (without the class token). ViT-Ti/16 is `{ size: [224, 224], patch: 16,
 * layers: 12, pool: 'class' }`. Keys have no bias, which changes nothing.
 *
 * Source: Dosovitskiy et al., An image is worth 16×16 words (2020).
 *
 * @throws ChainruleError `OPTION`; from `apply`, `SHAPE`, `EMPTY_BATCH`, `MISSING_KEY`.
 * @example
 * const encoder = visionTransformer({ size: [64, 64], patch: 8, layers: 2 });
 */
export function visionTransformer(
  options: VisionTransformerOptions = {},
): Encoder<tf.Tensor4D, VisionTransformerParams, VisionTransformerConfig> {
  const where = 'encoders-image.visionTransformer';
  const { patch = 8, tokens = 192, layers = 4, heads = 3, dropout = 0, pool = 'mean' } = options;
  const size = options.size ?? ([64, 64] as const);
  const embed = patches(where, size, patch, tokens);
  const head = headOf(options, tokens);
  const config: VisionTransformerConfig = {
    type: 'visionTransformer',
    size,
    patch,
    tokens,
    layers,
    heads,
    hidden: options.hidden ?? 4 * tokens,
    dropout,
    pool,
    positions: options.positions ?? embed.grid,
    head: head.head,
    width: head.width,
    pixels: options.pixels ?? 'centered',
    augment: options.augment ?? [],
  };
  const input = imageInput(where, { ...config, channels: 3 });
  for (const side of config.positions) checkPositiveInteger(where, 'positions', side);
  const [rows, columns] = config.positions;
  const own = pool === 'class' ? 1 : 0;
  const network = transformer({ width: tokens, layers, heads, hidden: config.hidden, dropout });

  function positionsOf(positions: tf.Tensor2D): tf.Tensor2D {
    if (rows === embed.grid[0] && columns === embed.grid[1]) return positions;
    const stretched = resizePositions(tf.slice(positions, [own, 0]), config.positions, embed.grid);
    return own === 0 ? stretched : tf.concat([tf.slice(positions, 0, 1), stretched]);
  }

  return {
    config,
    width: head.width,
    tokenWidth: tokens,
    init: (key) => ({
      patches: embed.init(split(key, 'patches')),
      positions: truncatedNormal(0.02)(split(key, 'positions'), [
        own + rows * columns,
        tokens,
      ]) as tf.Tensor2D,
      ...(own && {
        summary: truncatedNormal(0.02)(split(key, 'summary'), [1, tokens]) as tf.Tensor2D,
      }),
      transformer: network.init(split(key, 'transformer')),
      ...head.init(key),
    }),
    apply: (params, pixels, context = {}): Embedding =>
      tf.tidy(() => {
        const x = embed.apply(params.patches, input(pixels, context));
        const batch = x.shape[0];
        const parts = tf.reshape<tf.Rank.R3>(x, [batch, -1, tokens]);
        const summary =
          params.summary &&
          tf.add(tf.zeros([batch, 1, tokens]), tf.reshape(params.summary, [1, 1, tokens]));
        const all = summary ? tf.concat([summary as tf.Tensor3D, parts], 1) : parts;
        const placed = tf.add(all, positionsOf(params.positions)) as tf.Tensor3D;
        const y = network.apply(
          params.transformer,
          { tokens: placed },
          childContext(context, 'transformer'),
        );
        const seen = own === 0 ? y : tf.slice(y, [0, 1, 0]);
        const pooled =
          own === 0
            ? tf.mean<tf.Tensor2D>(y, 1)
            : tf.reshape<tf.Rank.R2>(tf.slice(y, [0, 0, 0], [-1, 1, -1]), [batch, tokens]);
        return { vector: head.apply(params, pooled), tokens: seen };
      }),
  };
}

/**
 * Position embeddings of another grid, bilinearly between the centres of the old places (half-pixel
 * centres, as PyTorch's `interpolate` without aligned corners): `[rows·columns, width]` →
 * `[rows'·columns', width]`.
 *
 * @example
 * const larger = resizePositions(positions, [7, 7], [14, 14]);
 */
export function resizePositions(
  positions: tf.Tensor2D,
  from: readonly [rows: number, columns: number],
  to: readonly [rows: number, columns: number],
): tf.Tensor2D {
  const width = positions.shape[1];
  return tf.tidy(() => {
    const vertical = tf.matMul(
      interpolation(from[0], to[0]),
      tf.reshape(positions, [from[0], from[1] * width]),
    );
    const turned = tf.transpose(tf.reshape(vertical, [to[0], from[1], width]), [1, 0, 2]);
    const both = tf.matMul(
      interpolation(from[1], to[1]),
      tf.reshape(turned, [from[1], to[0] * width]),
    );
    const back = tf.transpose(tf.reshape(both, [to[1], to[0], width]), [1, 0, 2]);
    return tf.reshape(back, [to[0] * to[1], width]);
  });
}

/** Weights of the `from` old places in each of the `to` new ones. */
function interpolation(from: number, to: number): tf.Tensor2D {
  const weights = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const place = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    const low = Math.floor(place);
    const high = Math.min(low + 1, from - 1);
    weights[i * from + low]! += 1 - (place - low);
    weights[i * from + high]! += place - low;
  }
  return tf.tensor2d(weights, [to, from]);
}
