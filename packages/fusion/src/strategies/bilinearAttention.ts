import { type DenseParams, dense, glorotUniform, split, tokenwise } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { maskedSoftmax } from '../missing.js';
import { modalities } from '../modalities.js';
import { pairMask } from '../pairs.js';
import {
  checkSizes,
  chosenModality,
  joined,
  readTokenWidths,
  sequence,
  sumTokens,
  tokenProjection,
  widest,
} from '../tokens.js';
import type { Fusion, TokenFusionOptions } from '../types.js';

export interface BilinearAttentionOptions extends TokenFusionOptions {
  /** The modality that is X. Default: the last in alphabetical order (`text`). */
  readonly query?: string;
  /** The width of z. Default: the widest modality's. */
  readonly width?: number;
  /** K, the rank of the bilinear forms. Default: `width`. */
  readonly rank?: number;
  /** G, how many attention maps; default 2. */
  readonly glimpses?: number;
}
type Layers = { readonly [modality: string]: DenseParams };
/** Named as in the equation; U, V and V′ take a token's width to `rank`, U′ and P `width` to `rank` and back. */
export type BilinearAttentionParams = {
  /** Gives f₀. */
  readonly query: Layers;
  readonly u: Layers;
  readonly v: Layers;
  /** `[glimpses, rank]`. */
  readonly p: tf.Tensor2D;
  readonly glimpses: readonly {
    readonly u: DenseParams;
    readonly v: Layers;
    readonly out: DenseParams;
  }[];
};
export type BilinearAttentionConfig = {
  readonly type: 'bilinearAttention';
} & Required<BilinearAttentionOptions>;

/**
 * Bilinear attention network (BAN): attention over all pairs of a token of one modality and a token
 * of the others, with a low-rank bilinear form as logit and as value.
 *
 * z = Σᵢ f_G,ᵢ,  f_(g+1),ᵢ = f_g,ᵢ + P_g Σⱼₖ A_g,ⱼₖ (r(U′_g f_g,ⱼ) ⊙ r(V′_g yₖ)),
 * A_g = softmax over all j, k of p_g · (r(U xⱼ) ⊙ r(V yₖ)),  r the ReLU,
 *
 * where xᵢ are the tokens of `query`, f₀ a linear projection of them, and yₖ the tokens of all other
 * modalities, each with V and V′ of its own; every layer has a bias. Padding is in no pair and not
 * in the sum.
 *
 * Shapes: the tokens of each modality, `[batch, tokens, tokenWidth]`, give z, `[batch, width]`.
 *
 * Source: Kim, Jun and Zhang, Bilinear attention networks (2018), with residual glimpses.
 *
 * @throws ChainruleError `OPTION` where there are fewer than two modalities or `query` is none of
 * them; from `apply`, `TOKENS` where an encoder gives no tokens, `MODALITY`, `SHAPE`, `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { bilinearAttention } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = bilinearAttention({ widths: { image: 4, text: 4 }, tokenWidths: { image: 3 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.ones([1, 4]), tokens: tf.ones([1, 9, 3]) },
 *   text: { vector: tf.ones([1, 4]), tokens: tf.ones([1, 5, 4]) },
 * });
 * z.shape; // [1, 4]
 */
export function bilinearAttention({
  widths: given,
  tokenWidths: givenTokens,
  query: chosen,
  width = widest(given),
  rank = width,
  glimpses = 2,
}: BilinearAttentionOptions): Fusion<BilinearAttentionParams, BilinearAttentionConfig> {
  const where = 'fusion.bilinearAttention';
  const { names, widths, vectors } = modalities(where, given, 2);
  const tokenWidths = readTokenWidths(where, widths, givenTokens);
  const query = chosenModality(where, 'query', names, chosen);
  checkSizes(where, { width, rank, glimpses });
  const others = names.filter((name) => name !== query);
  const start = tokenProjection([query], tokenWidths, width);
  const u = tokenProjection([query], tokenWidths, rank, { activation: 'relu' });
  const v = tokenProjection(others, tokenWidths, rank, { activation: 'relu' });
  const glimpse = dense({ in: width, out: rank, activation: 'relu' });
  const out = dense({ in: rank, out: width });
  return {
    config: { type: 'bilinearAttention', widths, tokenWidths, query, width, rank, glimpses },
    width,
    init: (key) => ({
      query: start.init(split(key, 'query')),
      u: u.init(split(key, 'u')),
      v: v.init(split(key, 'v')),
      p: glorotUniform(split(key, 'p'), [glimpses, rank]) as tf.Tensor2D,
      glimpses: Array.from({ length: glimpses }, (_, g) => {
        const own = split(split(key, 'glimpses'), g);
        return {
          u: glimpse.init(split(own, 'u')),
          v: v.init(split(own, 'v')),
          out: out.init(split(own, 'out')),
        };
      }),
    }),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        vectors(embeddings);
        const read = (name: string) => sequence(where, name, embeddings[name]!, tokenWidths[name]!);
        const x = read(query);
        const ys = others.map((name) => [name, read(name)] as const);
        const values = (layers: Layers) => joined(ys.map(([name, y]) => v.apply(layers, name, y)));
        const ux = u.apply(params.u, query, x).tokens;
        const vy = values(params.v);
        const [batch, m] = ux.shape;
        const n = vy.tokens.shape[1];
        // The logits of all glimpses in one product, [batch, glimpses · m, n].
        const weighed = tf.mul(tf.expandDims(ux, 1), tf.reshape(params.p, [1, glimpses, 1, rank]));
        const stacked = tf.reshape(weighed, [batch, glimpses * m, rank]);
        const logits = tf.matMul(stacked, vy.tokens, false, true);
        const pairs = pairMask(x.mask, vy.mask, [batch, m, n]);
        const flat = tf.reshape(logits, [batch, glimpses, m * n]);
        const maps = maskedSoftmax(flat, pairs && tf.expandDims(pairs, 1));
        const f = params.glimpses.reduce(
          (f, { u, v, out: project }, g) => {
            const map = tf.reshape(tf.slice(maps, [0, g, 0], [-1, 1, -1]), [batch, m, n]);
            const gathered = tf.matMul(map, values(v).tokens);
            const joint = tf.sum(tf.mul(tokenwise(glimpse, u, f), gathered), 1) as tf.Tensor2D;
            return tf.add(f, tf.expandDims(out.apply(project, joint), 1)) as tf.Tensor3D;
          },
          start.apply(params.query, query, x).tokens,
        );
        return sumTokens({ tokens: f, mask: x.mask });
      }),
  };
}
