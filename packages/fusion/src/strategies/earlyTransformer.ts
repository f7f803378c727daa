import {
  checkPositiveInteger,
  type DenseParams,
  split,
  type TransformerParams,
  transformer,
  truncatedNormal,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { modalities } from '../modalities.js';
import {
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

export type EarlyTransformerOptions = TransformerFusionOptions;
export type EarlyTransformerParams = {
  /** The class token, `[1, width]`. */
  readonly summary: tf.Tensor2D;
  /** Pᵢ, `[token width, width]`; the bias is the modality's embedding. */
  readonly tokens: { readonly [modality: string]: DenseParams };
  readonly transformer: TransformerParams;
};
export type EarlyTransformerConfig = {
  readonly type: 'earlyTransformer';
} & Required<EarlyTransformerOptions>;

/**
 * Early fusion by a transformer: the tokens of all modalities stand in one sequence, behind a class
 * token, and attend to one another from the first layer on.
 *
 * z = LN(X^L)₀,  X^l = layer(X^(l−1)),  X⁰ = [c; P₁T₁ + e₁ + s; …; PₙTₙ + eₙ + s],
 *
 * with a learned class token c, one embedding eᵢ a modality, sinusoidal positions s within each
 * modality, and layers that normalise first. Padding is not seen, nor are the tokens of a modality
 * that an example lacks (`present`).
 *
 * Shapes: the tokens of each modality, `[batch, tokens, tokenWidth]`, give z, `[batch, width]`.
 *
 * Source: Kim et al., ViLT: Vision-and-language transformer without convolution or region
 * supervision (2021); Li et al., VisualBERT (2019).
 *
 * @throws ChainruleError `OPTION` where heads does not divide width; from `apply`, `TOKENS` where
 * an encoder gives no tokens, `MODALITY`, `SHAPE`, `EMPTY_BATCH`; `MISSING_KEY` when training with
 * dropout without a key.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { earlyTransformer } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = earlyTransformer({ widths: { image: 4, text: 4 }, tokenWidths: { image: 3 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.ones([1, 4]), tokens: tf.ones([1, 9, 3]) },
 *   text: { vector: tf.ones([1, 4]), tokens: tf.ones([1, 5, 4]) },
 * });
 * z.shape; // [1, 4]
 */
export function earlyTransformer({
  widths: given,
  tokenWidths: givenTokens,
  width = widest(given),
  layers = 2,
  heads = defaultHeads(width),
  dropout = 0,
}: EarlyTransformerOptions): Fusion<EarlyTransformerParams, EarlyTransformerConfig> {
  const where = 'fusion.earlyTransformer';
  const { names, widths, available } = modalities(where, given);
  const tokenWidths = readTokenWidths(where, widths, givenTokens);
  checkPositiveInteger(where, 'width', width);
  const projection = tokenProjection(names, tokenWidths, width);
  const stack = transformer({ width, layers, heads, dropout });
  return {
    config: { type: 'earlyTransformer', widths, tokenWidths, width, layers, heads, dropout },
    width,
    acceptsMissing: true,
    init: (key) => ({
      summary: truncatedNormal()(split(key, 'summary'), [1, width]) as tf.Tensor2D,
      tokens: projection.init(split(key, 'tokens')),
      transformer: stack.init(split(key, 'transformer')),
    }),
    apply: (params, embeddings, context) =>
      tf.tidy(() => {
        const batch = available(embeddings).vectors[0]!.shape[0];
        const input = joined([
          { tokens: repeated(params.summary, batch) },
          ...names.map((name) => {
            const own = sequence(where, name, embeddings[name]!, tokenWidths[name]!);
            return positioned(projection.apply(params.tokens, name, own));
          }),
        ]);
        const output = stack.apply(params.transformer, { ...input, outputs: 1 }, context);
        return tf.reshape(output, [batch, width]);
      }),
  };
}
