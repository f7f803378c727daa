import {
  type AttentionParams,
  ChainruleError,
  checkPositiveInteger,
  checkShape,
  type DenseParams,
  dense,
  type Encoder,
  layerNorm,
  multiHeadAttention,
  type NormParams,
  type Params,
  split,
  truncatedNormal,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import {
  feedForward,
  type LayerParams,
  layers,
  type MlpParams,
  type TowerOptions,
} from './layers.js';

export interface ImageTowerOptions extends TowerOptions {
  /** Height and width of the picture. */
  readonly imageSize: number;
  /** Height and width of a patch; what is left over at the right and below is not seen. */
  readonly patchSize: number;
  /** Width of the embedding; with `attention` it is `width`. */
  readonly projection: number;
  /** `class`, CLIP's: a token of its own in front. `attention`, SigLIP's: a learned query. */
  readonly pooling: 'class' | 'attention';
  /** Taken from the pixels, 0 … 1, by channel. */
  readonly mean: readonly number[];
  /** What they are divided by then. */
  readonly deviation: readonly number[];
}
export type ImageTowerConfig = { readonly type: 'clipImage' } & {
  readonly [K in keyof ImageTowerOptions]: ImageTowerOptions[K];
};
export interface ImageTowerParams extends Params {
  /** `kernel` `[patchSize, patchSize, 3, width]`, and `bias` in SigLIP. */
  readonly patches: { readonly kernel: tf.Tensor4D; readonly bias?: tf.Tensor1D };
  /** `[tokens, width]`. */
  readonly positions: tf.Tensor2D;
  readonly layers: readonly LayerParams[];
  readonly norm: NormParams;
  /** With `class`. */
  readonly class?: {
    readonly token: tf.Tensor1D;
    readonly norm: NormParams;
    readonly projection: DenseParams;
  };
  /** With `attention`. */
  readonly pool?: MlpParams & {
    readonly query: tf.Tensor1D;
    readonly attention: AttentionParams;
    readonly norm: NormParams;
  };
}

/**
 * The vision transformer of CLIP or SigLIP. Pixels float32 `[batch, size, size, 3]` in 0 … 1 →
 * `vector` `[batch, projection]`, not normalised; `tokens` `[batch, patches, width]`.
 *
 * Source: Dosovitskiy et al. (2021) as in Radford et al. (2021); pooling by attention as in Zhai et
 * al. (2023).
 *
 * @throws ChainruleError `OPTION` for a size out of range, or a projection of another width with
 * `attention`; from `apply`, `SHAPE`.
 *
 * @example
 * const { image, params } = await clipFromFolder('clip-vit-base-patch32');
 * const { vector } = image.apply(params.encoders.image, pixels);
 */
export function imageTower(
  options: ImageTowerOptions,
): Encoder<tf.Tensor4D, ImageTowerParams, ImageTowerConfig> {
  const where = 'clip.imageTower';
  const config: ImageTowerConfig = { type: 'clipImage', ...options };
  const { imageSize, patchSize, width, heads, projection, pooling, epsilon } = config;
  const sizes = ['imageSize', 'patchSize', 'width', 'layers', 'projection'] as const;
  for (const name of sizes) checkPositiveInteger(where, name, config[name]);
  const side = Math.floor(imageSize / patchSize);
  const isClass = pooling === 'class';
  if (side === 0 || (!isClass && projection !== width)) {
    throw new ChainruleError(
      'OPTION',
      side === 0
        ? `${where}: patchSize must not exceed imageSize, got ${patchSize} and ${imageSize}`
        : `${where}: pooling by attention has no projection, so its width must be ${width}, got ${projection}`,
    );
  }
  const patches = side * side;
  const stack = layers(where, config);
  const norm = layerNorm<tf.Tensor3D>({ width, epsilon });
  const vectorNorm = layerNorm({ width, epsilon });
  const project = dense({ in: width, out: projection, bias: false });
  const attention = multiHeadAttention({ width, heads });
  const mlp = feedForward(where, config);
  const initial = truncatedNormal(0.02);
  const row = (x: tf.Tensor) => tf.reshape(x, [-1, width]) as tf.Tensor2D;

  return {
    config,
    width: projection,
    tokenWidth: width,
    init: (key) => ({
      patches: {
        kernel: initial(split(key, 'patches'), [patchSize, patchSize, 3, width]) as tf.Tensor4D,
        ...(isClass ? {} : { bias: tf.zeros<tf.Rank.R1>([width]) }),
      },
      positions: initial(split(key, 'positions'), [
        patches + Number(isClass),
        width,
      ]) as tf.Tensor2D,
      layers: stack.init(split(key, 'layers')),
      norm: norm.init(key),
      ...(isClass
        ? {
            class: {
              token: initial(split(key, 'class'), [width]) as tf.Tensor1D,
              norm: norm.init(key),
              projection: project.init(split(key, 'projection')),
            },
          }
        : {
            pool: {
              query: initial(split(key, 'query'), [width]) as tf.Tensor1D,
              attention: attention.init(split(key, 'pool')),
              norm: norm.init(key),
              ...mlp.init(split(key, 'pool')),
            },
          }),
    }),
    apply(params, pixels) {
      checkShape(where, 'pixels', pixels, ['batch', imageSize, imageSize, 3]);
      const [batch] = pixels.shape;
      return tf.tidy(() => {
        const repeated = (vector: tf.Tensor1D) =>
          tf.tile(tf.reshape(vector, [1, 1, width]), [batch, 1, 1]) as tf.Tensor3D;
        const centred = tf.sub(pixels, tf.tensor1d([...config.mean]));
        const scaled = tf.div(centred, tf.tensor1d([...config.deviation])) as tf.Tensor4D;
        const map = tf.conv2d(scaled, params.patches.kernel, patchSize, 'valid');
        const cut = tf.reshape(map, [batch, patches, width]);
        const biased = params.patches.bias ? tf.add(cut, params.patches.bias) : cut;
        if (params.class) {
          const all = tf.concat([repeated(params.class.token), biased], 1);
          const placed = norm.apply(
            params.class.norm,
            tf.add(all, params.positions) as tf.Tensor3D,
          );
          const y = stack.apply(params.layers, placed);
          const [first, tokens] = tf.split(y, [1, patches], 1) as [tf.Tensor, tf.Tensor3D];
          const pooled = vectorNorm.apply(params.norm, row(first));
          return { vector: project.apply(params.class.projection, pooled), tokens };
        }
        const pool = params.pool!;
        const placed = tf.add(biased, params.positions) as tf.Tensor3D;
        const tokens = norm.apply(params.norm, stack.apply(params.layers, placed));
        const query = repeated(pool.query);
        const x = attention.apply(pool.attention, { query, memory: tokens });
        const y = tf.add(x, mlp.apply(pool, norm.apply(pool.norm, x)));
        return { vector: row(y), tokens };
      });
    },
  };
}
