import {
  ChainruleError,
  causalMask,
  checkPositiveInteger,
  checkShape,
  type DenseParams,
  dense,
  type Encoder,
  layerNorm,
  type NormParams,
  type Params,
  split,
  truncatedNormal,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { type LayerParams, layers, type TowerOptions } from './layers.js';

export interface TextTowerOptions extends TowerOptions {
  /** Number of the file's own ids. */
  readonly vocabulary: number;
  /** Tokens of the longest text. */
  readonly maxLength: number;
  /** Width of the embedding. */
  readonly projection: number;
  /**
   * `end`, CLIP's: no token sees a later one, and the token that ends the text is the text's. `last`,
   * SigLIP's: every text is filled up to `maxLength`, padding is seen, and the last place is the text's.
   */
  readonly pooling: 'end' | 'last';
  /** The file's id of the end of a text; 2 stands, as in CLIP's first configs, for the highest id. */
  readonly end: number;
  /** The file's id that fills texts up, with `last`. */
  readonly padding: number;
  /** What was added to the file's ids so that 0 is padding: `tokenizer.config.offset`. */
  readonly offset: 0 | 1;
}
export type TextTowerConfig = { readonly type: 'clipText' } & {
  readonly [K in keyof TextTowerOptions]: TextTowerOptions[K];
};
export interface TextTowerParams extends Params {
  /** `[vocabulary, width]`. */
  readonly words: tf.Tensor2D;
  /** `[maxLength, width]`. */
  readonly positions: tf.Tensor2D;
  readonly layers: readonly LayerParams[];
  readonly norm: NormParams;
  /** With a bias in SigLIP, without in CLIP. */
  readonly projection: DenseParams;
}

/**
 * The text transformer of CLIP or SigLIP. Ids int32 `[batch, time]` as `huggingFaceTokenizer` of
 * `@chainrule/encoders-text` gives them, 0 = padding → `vector` `[batch, projection]`, not normalised;
 * `tokens` `[batch, time, width]`; `mask` `[batch, time]`.
 *
 * Source: Radford et al. (2021); Zhai et al. (2023).
 *
 * @throws ChainruleError `OPTION` for a size out of range; from `apply`, `SHAPE` where ids are not
 * int32 `[batch, time]` or longer than `maxLength`.
 *
 * @example
 * const { text, params, tokenizer } = await clipFromFolder('clip-vit-base-patch32');
 * const ids = tf.tensor2d(tokenizer!.encodeBatch(['a cat']), [1, 77], 'int32');
 * const { vector } = text.apply(params.encoders.text, ids);
 */
export function textTower(
  options: TextTowerOptions,
): Encoder<tf.Tensor2D, TextTowerParams, TextTowerConfig> {
  const where = 'clip.textTower';
  const config: TextTowerConfig = { type: 'clipText', ...options };
  const { vocabulary, width, maxLength, projection, pooling, offset } = config;
  for (const name of ['vocabulary', 'width', 'layers', 'maxLength', 'projection'] as const) {
    checkPositiveInteger(where, name, config[name]);
  }
  const stack = layers(where, config);
  const norm = layerNorm<tf.Tensor3D>({ width, epsilon: config.epsilon });
  const project = dense({ in: width, out: projection, bias: pooling === 'last' });
  const initial = truncatedNormal(0.02);

  /** The file's own ids; the places of padding hold its padding. */
  const fileIds = (ids: tf.Tensor2D): tf.Tensor2D => {
    const own = tf.maximum(tf.sub(ids, tf.scalar(offset, 'int32')), tf.scalar(0, 'int32'));
    const filler = tf.fill(ids.shape, config.padding, 'int32');
    return tf.where(tf.equal(ids, 0), filler, own) as tf.Tensor2D;
  };
  /** `[batch, time]`: 1 at the place that stands for the text. */
  const endOf = (ids: tf.Tensor2D): tf.Tensor2D => {
    const file = tf.sub(ids, tf.scalar(offset, 'int32'));
    const score = config.end === 2 ? file : tf.cast(tf.equal(file, config.end), 'int32');
    return tf.oneHot(tf.argMax(score, 1), ids.shape[1], 1, 0, 'float32') as tf.Tensor2D;
  };

  return {
    config,
    width: projection,
    tokenWidth: width,
    init: (key) => ({
      words: initial(split(key, 'words'), [vocabulary, width]) as tf.Tensor2D,
      positions: initial(split(key, 'positions'), [maxLength, width]) as tf.Tensor2D,
      layers: stack.init(split(key, 'layers')),
      norm: norm.init(key),
      projection: project.init(split(key, 'projection')),
    }),
    apply(params, ids) {
      checkShape(where, 'ids', ids, ['batch', 'time']);
      const [batch, time] = ids.shape;
      if (ids.dtype !== 'int32' || time === 0 || time > maxLength) {
        throw new ChainruleError(
          'SHAPE',
          `${where}: ids must be int32 [batch, 1 … ${maxLength}], got ${ids.dtype} [${ids.shape.join(', ')}]; cut the texts (the tokenizer's maxLength)`,
        );
      }
      return tf.tidy(() => {
        const mask = tf.cast(tf.notEqual(ids, 0), 'float32') as tf.Tensor2D;
        const filled: tf.Tensor2D =
          pooling === 'last' && time < maxLength
            ? tf.pad(ids, [
                [0, 0],
                [0, maxLength - time],
              ])
            : ids;
        const length = filled.shape[1];
        const words = tf.gather(params.words, fileIds(filled));
        const placed = tf.add(words, tf.slice(params.positions, 0, length)) as tf.Tensor3D;
        const seen = pooling === 'end' ? causalMask(tf.ones([batch, length])) : undefined;
        const y = norm.apply(params.norm, stack.apply(params.layers, placed, seen));
        const place: tf.Tensor =
          pooling === 'end'
            ? tf.matMul(tf.expandDims(endOf(ids), 1), y)
            : tf.slice(y, [0, length - 1, 0], [-1, 1, -1]);
        const pooled = tf.reshape(place, [batch, width]) as tf.Tensor2D;
        const tokens = tf.slice(y, [0, 0, 0], [-1, time, -1]);
        return { vector: project.apply(params.projection, pooled), tokens, mask };
      });
    },
  };
}
