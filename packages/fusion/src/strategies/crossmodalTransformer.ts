import {
  checkPositiveInteger,
  childContext,
  type DenseParams,
  dense,
  split,
  type TransformerParams,
  transformer,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { modalities } from '../modalities.js';
import {
  defaultHeads,
  each,
  meanTokens,
  positioned,
  readTokenWidths,
  sequence,
  type TransformerFusionOptions,
  tokenProjection,
  widest,
} from '../tokens.js';
import type { Fusion } from '../types.js';

export type CrossmodalTransformerOptions = TransformerFusionOptions;
export type CrossmodalTransformerParams = {
  /** Pᵢ, `[token width, width]`. */
  readonly tokens: { readonly [modality: string]: DenseParams };
  /** Of each target, one transformer a source. */
  readonly cross: { readonly [target: string]: { readonly [source: string]: TransformerParams } };
  /** Of each target, `(n − 1)·width` wide. */
  readonly self: { readonly [target: string]: TransformerParams };
  /** W, `[n(n − 1)·width, width]`. */
  readonly out: DenseParams;
};
export type CrossmodalTransformerConfig = {
  readonly type: 'crossmodalTransformer';
} & Required<CrossmodalTransformerOptions>;

/**
 * Crossmodal transformer (MulT): for each pair of modalities, the tokens of one are rewritten by
 * attention to those of the other.
 *
 * z = W[h₁; …; hₙ] + b,  hᵢ = mean(self([Z₁→ᵢ; …; Zₙ→ᵢ])),  Zⱼ→ᵢ = cross(Xᵢ, Xⱼ), j ≠ i,
 *
 * with Xᵢ = PᵢTᵢ + pᵢ + sinusoidal positions. `cross` are transformer layers whose tokens are those of i
 * and whose attention goes to those of j, `self` are plain ones over what they give, side by side.
 * The mean is over real tokens (the paper takes the last one). Padding is not seen, nor are the
 * tokens of a modality that an example lacks (`present`), whose h is 0.
 *
 * Shapes: the tokens of each modality, `[batch, tokens, tokenWidth]`, give z, `[batch, width]`.
 *
 * Source: Tsai et al., Multimodal transformer for unaligned multimodal language sequences (2019).
 *
 * @throws ChainruleError `OPTION` where there are fewer than two modalities or heads does not
 * divide width; from `apply`, `TOKENS` where an encoder gives no tokens, `MODALITY`, `SHAPE`,
 * `EMPTY_BATCH`; `MISSING_KEY` when training with dropout without a key.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { crossmodalTransformer } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = crossmodalTransformer({ widths: { image: 4, text: 4 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.ones([1, 4]), tokens: tf.ones([1, 9, 4]) },
 *   text: { vector: tf.ones([1, 4]), tokens: tf.ones([1, 5, 4]) },
 * });
 * z.shape; // [1, 4]
 */
export function crossmodalTransformer({
  widths: given,
  tokenWidths: givenTokens,
  width = widest(given),
  layers = 2,
  heads = defaultHeads(width),
  dropout = 0,
}: CrossmodalTransformerOptions): Fusion<CrossmodalTransformerParams, CrossmodalTransformerConfig> {
  const where = 'fusion.crossmodalTransformer';
  const { names, widths, available } = modalities(where, given, 2);
  const tokenWidths = readTokenWidths(where, widths, givenTokens);
  checkPositiveInteger(where, 'width', width);
  const n = names.length;
  const projection = tokenProjection(names, tokenWidths, width);
  const cross = transformer({ width, layers, heads, dropout, cross: true });
  const self = transformer({ width: (n - 1) * width, layers, heads, dropout });
  const out = dense({ in: n * (n - 1) * width, out: width });
  const but = (target: string) => names.filter((name) => name !== target);
  return {
    config: { type: 'crossmodalTransformer', widths, tokenWidths, width, layers, heads, dropout },
    width,
    acceptsMissing: true,
    init: (key) => ({
      tokens: projection.init(split(key, 'tokens')),
      cross: each(names, (target) => {
        const own = split(split(key, 'cross'), target);
        return each(but(target), (source) => cross.init(split(own, source)));
      }),
      self: each(names, (target) => self.init(split(split(key, 'self'), target))),
      out: out.init(split(key, 'out')),
    }),
    apply: (params, embeddings, context = {}) =>
      tf.tidy(() => {
        available(embeddings);
        const xs = each(names, (name) => {
          const own = sequence(where, name, embeddings[name]!, tokenWidths[name]!);
          return positioned(projection.apply(params.tokens, name, own));
        });
        const pooled = names.map((target) => {
          const { tokens, mask } = xs[target]!;
          const part = childContext(context, target);
          const rewritten = but(target).map((source) => {
            const { tokens: memory, mask: seen } = xs[source]!;
            const input = { tokens, memory, mask: seen };
            return cross.apply(params.cross[target]![source]!, input, childContext(part, source));
          });
          const side = rewritten.length === 1 ? rewritten[0]! : tf.concat(rewritten, 2);
          const input = { tokens: side, mask };
          const own = self.apply(params.self[target]!, input, childContext(part, 'self'));
          return meanTokens({ tokens: own, mask });
        });
        return out.apply(params.out, tf.concat(pooled, 1));
      }),
  };
}
