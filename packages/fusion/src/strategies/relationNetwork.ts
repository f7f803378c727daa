import {
  ChainruleError,
  checkPositiveInteger,
  type DenseParams,
  dense,
  split,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { modalities } from '../modalities.js';
import { allPairs, pairMask, placed } from '../pairs.js';
import { type TokenNorm, type TokenNormParams, tokenNorm } from '../token-norm.js';
import {
  chosenModality,
  highestAndMean,
  meanTokens,
  readTokenWidths,
  type Sequence,
  sequence,
  sumTokens,
  widest,
} from '../tokens.js';
import type { Fusion, TokenFusionOptions } from '../types.js';

export interface RelationNetworkOptions extends TokenFusionOptions {
  /** The modality whose tokens are the objects. Default: the first in alphabetical order (`image`). */
  readonly objects?: string;
  /** Width of g's layers and of z, which is twice that with `maxAndMean`. Default: the widest modality's. */
  readonly width?: number;
  /** How many layers g has; default 4. */
  readonly layers?: number;
  /**
   * Over pairs; the paper takes the sum. `maxAndMean`, one after the other, tells the nearest thing by
   * one pair instead of by how all add up. Default `sum`.
   */
  readonly pool?: keyof typeof POOLS;
  /** z is normalised over the batch (`batch`), so that what one pair tells counts. Default `none`. */
  readonly norm?: TokenNorm;
  /** Appends the place of each object, −1…1: row and column where their number is a square. Default true. */
  readonly coordinates?: boolean;
}
export type RelationNetworkParams = {
  /** g. Its first layer takes `[oᵢ, oⱼ, q]`. */
  readonly layers: readonly DenseParams[];
  /** The running mean and variance of z, with `norm`. */
  readonly norm?: TokenNormParams;
};
export type RelationNetworkConfig = {
  readonly type: 'relationNetwork';
} & Required<RelationNetworkOptions>;

const POOLS = {
  sum: sumTokens,
  mean: meanTokens,
  maxAndMean: highestAndMean,
} as const satisfies { readonly [name: string]: (pairs: Sequence) => tf.Tensor2D };

/**
 * Relation network: looks at every pair of objects in the light of the question.
 *
 * z = N(Σᵢⱼ g([oᵢ; oⱼ; q])),  g(x) = r(Wₗ … r(W₁x + b₁) … + bₗ),  r the ReLU,
 *
 * where the objects oᵢ are the tokens of one modality (the places of a feature map), with their
 * coordinates, q the vectors of all others, one after the other, and N batch normalisation without
 * scale and offset, or nothing. Padding is in no pair.
 *
 * The sum grows with the square of the number of objects: 16 to 64 do well, and a warm-up of the
 * learning rate helps. With `pool: 'maxAndMean'` (max and mean in place of Σ) and `norm: 'batch'` z has one
 * scale however many there are, and what one pair tells is not lost in what all have in common.
 *
 * Shapes: tokens of `objects`, `[batch, tokens, tokenWidth]`, and vectors of the others,
 * `[batch, widthᵢ]`, give z, `[batch, width]`, or `[batch, 2·width]` with `maxAndMean`.
 *
 * Source: Santoro et al., A simple neural network module for relational reasoning (2017); f is the
 * head that follows.
 *
 * @throws ChainruleError `OPTION` where there are fewer than two modalities or `objects` is none of
 * them; from `apply`, `TOKENS` where an encoder gives no tokens, `MODALITY`, `SHAPE`, `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { relationNetwork } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = relationNetwork({ widths: { image: 4, text: 4 }, tokenWidths: { image: 3 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.ones([1, 4]), tokens: tf.ones([1, 9, 3]) },
 *   text: { vector: tf.ones([1, 4]) },
 * });
 * z.shape; // [1, 4]
 */
export function relationNetwork({
  widths: given,
  tokenWidths: givenTokens,
  objects: chosen,
  width = widest(given),
  layers = 4,
  pool = 'sum',
  norm = 'none',
  coordinates = true,
}: RelationNetworkOptions): Fusion<RelationNetworkParams, RelationNetworkConfig> {
  const where = 'fusion.relationNetwork';
  const { names, widths, vectors } = modalities(where, given, 2);
  const tokenWidths = readTokenWidths(where, widths, givenTokens);
  const objects = chosenModality(where, 'objects', names, chosen ?? names[0]!);
  checkPositiveInteger(where, 'width', width);
  checkPositiveInteger(where, 'layers', layers);
  if (!Object.hasOwn(POOLS, pool)) {
    throw new ChainruleError(
      'OPTION',
      `${where}: pool must be ${Object.keys(POOLS).join(', ')}, got "${pool}"`,
    );
  }
  const options = { width, layers, pool, norm, coordinates };
  const object = tokenWidths[objects]! + (coordinates ? 2 : 0);
  const others = names.filter((name) => name !== objects);
  const question = others.reduce((sum, name) => sum + widths[name]!, 0);
  const first = dense({ in: 2 * object + question, out: width, activation: 'relu' });
  const out = pool === 'maxAndMean' ? 2 * width : width;
  const normalize = tokenNorm(where, norm, out);
  const next = dense({ in: width, out: width, activation: 'relu' });
  return {
    config: { type: 'relationNetwork', widths, tokenWidths, objects, ...options },
    width: out,
    init: (key) => ({
      layers: Array.from({ length: layers }, (_, l) =>
        (l === 0 ? first : next).init(split(split(key, 'layers'), l)),
      ),
      ...(norm !== 'none' && { norm: normalize.init(split(key, 'norm')) }),
    }),
    apply: (params, embeddings, context) =>
      tf.tidy(() => {
        const xs = vectors(embeddings);
        const own = sequence(where, objects, embeddings[objects]!, tokenWidths[objects]!);
        const [batch, n] = own.tokens.shape;
        const located = coordinates ? placed(own.tokens) : own.tokens;
        const asked = tf.concat<tf.Tensor2D>(xs.toSpliced(names.indexOf(objects), 1), 1);
        const [given, ...later] = params.layers;
        const pairs = tf.relu(allPairs(given!, located, asked));
        const relations = later.reduce((x, layer) => next.apply(layer, x), pairs);
        const all = {
          tokens: tf.reshape(relations, [batch, n * n, width]) as tf.Tensor3D,
          mask: pairMask(own.mask, own.mask, [batch, n, n]),
        };
        const z = tf.expandDims<tf.Tensor3D>(POOLS[pool](all), 1);
        return tf.squeeze(normalize.apply(params.norm ?? {}, z, context), [1]);
      }),
  };
}
