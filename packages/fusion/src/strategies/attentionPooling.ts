import {
  ChainruleError,
  checkPositiveInteger,
  type DenseParams,
  dense,
  split,
  tokenwise,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { maskedSoftmax } from '../missing.js';
import { modalities } from '../modalities.js';
import {
  joined,
  readTokenWidths,
  type Sequence,
  sequence,
  tokenProjection,
  weightedTokens,
  widest,
} from '../tokens.js';
import type { Fusion, TokenFusionOptions } from '../types.js';

export interface AttentionPoolingOptions extends TokenFusionOptions {
  /** What is pooled: the modalities' `vectors`, or all their `tokens`. Default `vectors`. */
  readonly over?: 'vectors' | 'tokens';
  /** The width of z. Default: the widest modality's. */
  readonly width?: number;
}
export type AttentionPoolingParams = {
  /** Wᵢ of each modality, `[its width, width]`. */
  readonly projections: { readonly [modality: string]: DenseParams };
  /** V, `[width, width]`. */
  readonly hidden: DenseParams;
  /** w, `[width, 1]`. */
  readonly score: DenseParams;
};
export type AttentionPoolingConfig = {
  readonly type: 'attentionPooling';
} & Required<AttentionPoolingOptions>;

/**
 * Attention pooling: a mean of the modalities, or of all their tokens, with weights that depend on
 * the example.
 *
 * z = Σₖ aₖhₖ,  a = softmaxₖ(w · tanh(Vhₖ + v)),  hₖ = Wᵢxₖ + bᵢ,
 *
 * where xₖ are the vectors of the modalities i or, with `over: 'tokens'`, all their tokens. Padding
 * has no weight, nor has a modality that an example lacks (`present`); of none, z is 0.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, or its tokens, `[batch, tokens, tokenWidthᵢ]`,
 * give z, `[batch, width]`. The widths may differ.
 *
 * Source: Ilse et al., Attention-based deep multiple instance learning (2018), eq. 8.
 *
 * @throws ChainruleError `OPTION` where an option is wrong; from `apply`, `TOKENS` where tokens are
 * pooled and an encoder gives none, `MODALITY`, `SHAPE`, `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { attentionPooling } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = attentionPooling({ widths: { image: 2, text: 3 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, 4, 5]]) },
 * });
 * z.shape; // [1, 3]
 */
export function attentionPooling({
  widths: given,
  tokenWidths: givenTokens,
  over = 'vectors',
  width = widest(given),
}: AttentionPoolingOptions): Fusion<AttentionPoolingParams, AttentionPoolingConfig> {
  const where = 'fusion.attentionPooling';
  const { names, widths, available } = modalities(where, given);
  const tokenWidths = readTokenWidths(where, widths, givenTokens);
  if (over !== 'vectors' && over !== 'tokens') {
    throw new ChainruleError('OPTION', `${where}: over must be vectors or tokens, got "${over}"`);
  }
  checkPositiveInteger(where, 'width', width);
  const projection = tokenProjection(names, over === 'tokens' ? tokenWidths : widths, width);
  const hidden = dense({ in: width, out: width, activation: 'tanh' });
  const score = dense({ in: width, out: 1, bias: false });

  const asTokens = (vector: tf.Tensor2D, column?: tf.Tensor2D): Sequence => ({
    tokens: tf.expandDims(vector, 1) as tf.Tensor3D,
    mask: column,
  });
  return {
    config: { type: 'attentionPooling', widths, tokenWidths, over, width },
    width,
    acceptsMissing: true,
    init: (key) => ({
      projections: projection.init(split(key, 'projections')),
      hidden: hidden.init(split(key, 'hidden')),
      score: score.init(split(key, 'score')),
    }),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const { vectors, present } = available(embeddings);
        const { tokens, mask } = joined(
          names.map((name, i) => {
            const own =
              over === 'tokens'
                ? sequence(where, name, embeddings[name]!, tokenWidths[name]!)
                : asTokens(vectors[i]!, present && tf.slice(present, [0, i], [-1, 1]));
            return projection.apply(params.projections, name, own);
          }),
        );
        const logits = tokenwise(score, params.score, tokenwise(hidden, params.hidden, tokens));
        return weightedTokens(maskedSoftmax(tf.squeeze(logits, [2]), mask), tokens);
      }),
  };
}
