import {
  childContext,
  type DenseParams,
  layerNorm,
  type NormParams,
  split,
  type TransformerLayerParams,
  transformerLayer,
  truncatedNormal,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { modalities } from '../modalities.js';
import {
  checkSizes,
  defaultHeads,
  joined,
  positioned,
  readTokenWidths,
  repeated,
  sequence,
  type TransformerFusionOptions,
  tokenProjection,
  widest,
} from '../tokens.js';
import type { Fusion } from '../types.js';

export interface PerceiverResamplerOptions extends TransformerFusionOptions {
  /** How many learned queries; default 8. */
  readonly queries?: number;
}
export type PerceiverResamplerParams = {
  /** Q, `[queries, width]`. */
  readonly queries: tf.Tensor2D;
  /** Pᵢ, `[token width, width]`; the bias is the modality's embedding. */
  readonly tokens: { readonly [modality: string]: DenseParams };
  /** By turns among the queries (`self`) and to the tokens (`cross`). */
  readonly layers: readonly {
    readonly self: TransformerLayerParams;
    readonly cross: TransformerLayerParams;
  }[];
  readonly norm: NormParams;
};
export type PerceiverResamplerConfig = {
  readonly type: 'perceiverResampler';
} & Required<PerceiverResamplerOptions>;

/**
 * Perceiver resampler: a few learned queries draw what they need from the tokens of all modalities.
 * Its cost grows with the tokens, not with their square.
 *
 * z = meanₖ LN(Q^L)ₖ,  Q^l = cross^l(self^l(Q^(l−1)), M),  M = [P₁T₁ + e₁ + s; …; PₙTₙ + eₙ + s],
 *
 * where `self` is a transformer layer among the queries and `cross` one whose attention goes to M;
 * eᵢ is the modality's embedding, s are sinusoidal positions. Padding is not seen, nor are the
 * tokens of a modality that an example lacks (`present`).
 *
 * Shapes: the tokens of each modality, `[batch, tokens, tokenWidth]`, give z, `[batch, width]`.
 *
 * Source: Jaegle et al., Perceiver (2021); Alayrac et al., Flamingo (2022); the order of self- and
 * cross-attention is that of the Q-Former, Li et al., BLIP-2 (2023).
 *
 * @throws ChainruleError `OPTION` where heads does not divide width; from `apply`, `TOKENS` where
 * an encoder gives no tokens, `MODALITY`, `SHAPE`, `EMPTY_BATCH`; `MISSING_KEY` when training with
 * dropout without a key.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { perceiverResampler } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = perceiverResampler({ widths: { image: 4, text: 4 }, tokenWidths: { image: 3 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.ones([1, 4]), tokens: tf.ones([1, 9, 3]) },
 *   text: { vector: tf.ones([1, 4]), tokens: tf.ones([1, 5, 4]) },
 * });
 * z.shape; // [1, 4]
 */
export function perceiverResampler({
  widths: given,
  tokenWidths: givenTokens,
  width = widest(given),
  layers = 2,
  heads = defaultHeads(width),
  dropout = 0,
  queries = 8,
}: PerceiverResamplerOptions): Fusion<PerceiverResamplerParams, PerceiverResamplerConfig> {
  const where = 'fusion.perceiverResampler';
  const { names, widths, available } = modalities(where, given);
  const tokenWidths = readTokenWidths(where, widths, givenTokens);
  checkSizes(where, { width, layers, queries });
  const projection = tokenProjection(names, tokenWidths, width);
  const self = transformerLayer({ width, heads, dropout });
  const cross = transformerLayer({ width, heads, dropout, cross: true });
  const norm = layerNorm<tf.Tensor3D>({ width });
  const options = { width, layers, heads, dropout, queries };
  return {
    config: { type: 'perceiverResampler', widths, tokenWidths, ...options },
    width,
    acceptsMissing: true,
    init: (key) => ({
      queries: truncatedNormal()(split(key, 'queries'), [queries, width]) as tf.Tensor2D,
      tokens: projection.init(split(key, 'tokens')),
      layers: Array.from({ length: layers }, (_, l) => {
        const own = split(split(key, 'layers'), l);
        return { self: self.init(split(own, 'self')), cross: cross.init(split(own, 'cross')) };
      }),
      norm: norm.init(split(key, 'norm')),
    }),
    apply: (params, embeddings, context = {}) =>
      tf.tidy(() => {
        const batch = available(embeddings).vectors[0]!.shape[0];
        const { tokens: memory, mask } = joined(
          names.map((name) => {
            const own = sequence(where, name, embeddings[name]!, tokenWidths[name]!);
            return positioned(projection.apply(params.tokens, name, own));
          }),
        );
        const output = params.layers.reduce(
          (q, layer, l) => {
            const part = childContext(context, l);
            const tokens = self.apply(layer.self, { tokens: q }, childContext(part, 'self'));
            return cross.apply(layer.cross, { tokens, memory, mask }, childContext(part, 'cross'));
          },
          repeated(params.queries, batch),
        );
        return tf.mean(norm.apply(params.norm, output), 1);
      }),
  };
}
