import {
  type AttentionParams,
  checkPositiveInteger,
  type DenseParams,
  dense,
  multiHeadAttention,
  split,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { modalities } from '../modalities.js';
import {
  chosenModality,
  defaultHeads,
  joined,
  readTokenWidths,
  sequence,
  tokenProjection,
  widest,
} from '../tokens.js';
import type { Fusion, TokenFusionOptions } from '../types.js';

export interface CrossAttentionOptions extends TokenFusionOptions {
  /** The modality that asks. Default: the last in alphabetical order (`text`). */
  readonly query?: string;
  /** The width of z. Default: the widest modality's. */
  readonly width?: number;
  /** Heads of the attention; must divide width. Default: 4, or as many of 2 and 1 as divide it. */
  readonly heads?: number;
}
export type CrossAttentionParams = {
  /** P of the asking modality, `[its width, width]`. */
  readonly query: DenseParams;
  /** Pᵢ of the others' tokens, `[their width, width]`. */
  readonly tokens: { readonly [modality: string]: DenseParams };
  readonly attention: AttentionParams;
};
export type CrossAttentionConfig = {
  readonly type: 'crossAttention';
} & Required<CrossAttentionOptions>;

/**
 * Cross-attention: the vector of one modality asks the tokens of the others. A question looks at
 * the places of a picture that matter for it.
 *
 * z = q + MHA(q, M),  q = Pc + p,  M = the tokens Pᵢt + pᵢ of all other modalities,
 *
 * where c is the vector of `query` (for questions about pictures, the text) and MHA is multi-head
 * attention: each head adds values weighted by softmax(q·k/√depth). Padding has no weight, and so
 * have the tokens of modalities that an example lacks (`present`); where it lacks `query`, the
 * bias p asks.
 *
 * Shapes: the vector of `query`, `[batch, width]`, and the others' tokens,
 * `[batch, tokens, tokenWidth]`, give z, `[batch, width]`.
 *
 * Source: Vaswani et al., Attention is all you need (2017); with one layer and one head close to
 * Yang et al., Stacked attention networks for image question answering (2016).
 *
 * @throws ChainruleError `OPTION` where there are fewer than two modalities, `query` is none of
 * them, or heads does not divide width; from `apply`, `TOKENS` where an encoder gives no tokens,
 * `MODALITY`, `SHAPE`, `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { crossAttention } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = crossAttention({ widths: { image: 4, text: 4 }, tokenWidths: { image: 3 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.ones([1, 4]), tokens: tf.ones([1, 9, 3]) },
 *   text: { vector: tf.ones([1, 4]) },
 * });
 * z.shape; // [1, 4]
 */
export function crossAttention({
  widths: given,
  tokenWidths: givenTokens,
  query: chosen,
  width = widest(given),
  heads = defaultHeads(width),
}: CrossAttentionOptions): Fusion<CrossAttentionParams, CrossAttentionConfig> {
  const where = 'fusion.crossAttention';
  const { names, widths, available } = modalities(where, given, 2);
  const tokenWidths = readTokenWidths(where, widths, givenTokens);
  const query = chosenModality(where, 'query', names, chosen);
  checkPositiveInteger(where, 'width', width);
  const others = names.filter((name) => name !== query);
  const ask = dense({ in: widths[query]!, out: width });
  const projection = tokenProjection(others, tokenWidths, width);
  const attention = multiHeadAttention({ width, heads });
  return {
    config: { type: 'crossAttention', widths, tokenWidths, query, width, heads },
    width,
    acceptsMissing: true,
    init: (key) => ({
      query: ask.init(split(key, 'query')),
      tokens: projection.init(split(key, 'tokens')),
      attention: attention.init(split(key, 'attention')),
    }),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const vector = available(embeddings).vectors[names.indexOf(query)]!;
        const q = tf.expandDims(ask.apply(params.query, vector), 1) as tf.Tensor3D;
        const { tokens: memory, mask } = joined(
          others.map((name) => {
            const own = sequence(where, name, embeddings[name]!, tokenWidths[name]!);
            return projection.apply(params.tokens, name, own);
          }),
        );
        const gathered = attention.apply(params.attention, { query: q, memory, mask });
        return tf.squeeze(tf.add(q, gathered), [1]);
      }),
  };
}
