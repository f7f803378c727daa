import { checkPositiveInteger, type DenseParams, dense, split, tokenwise } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { maskedSoftmax } from '../missing.js';
import { modalities } from '../modalities.js';
import {
  each,
  readTokenWidths,
  sequence,
  tokenProjection,
  weightedTokens,
  widest,
  zeroPadding,
} from '../tokens.js';
import type { Fusion, TokenFusionOptions } from '../types.js';

export interface CoAttentionOptions extends TokenFusionOptions {
  /** The width of z and of all between. Default: the widest modality's. */
  readonly width?: number;
}
type Layers = { readonly [modality: string]: DenseParams };
export type CoAttentionParams = {
  /** Pᵢ, `[token width, width]`. */
  readonly tokens: Layers;
  /** W_ij of each pair i < j, `[width, width]`. */
  readonly affinity: { readonly [modality: string]: Layers };
  /** Wᵢ, `[width, width]`. */
  readonly hidden: Layers;
  /** wᵢ, `[width, 1]`. */
  readonly score: Layers;
  /** W, `[width, width]`. */
  readonly out: DenseParams;
};
export type CoAttentionConfig = { readonly type: 'coAttention' } & Required<CoAttentionOptions>;

/**
 * Parallel co-attention: the tokens of each modality are weighed by how they go with those of the
 * others, all at the same time.
 *
 * z = tanh(W Σᵢ x̂ᵢ + b),  x̂ᵢ = Σₜ aᵢₜXᵢₜ,  aᵢ = softmax(Hᵢwᵢ),
 * Hᵢ = tanh(XᵢWᵢ + Σⱼ Cᵢⱼ(XⱼWⱼ)),  Cᵢⱼ = tanh(Xᵢ W_ij Xⱼᵀ),  Cⱼᵢ = Cᵢⱼᵀ,
 *
 * with the tokens Xᵢ = TᵢPᵢ + pᵢ as rows. The paper has two modalities and tokens of one width; the
 * sum over j extends it to more. Padding has no weight, nor have the tokens of a modality that an
 * example lacks (`present`).
 *
 * Shapes: the tokens of each modality, `[batch, tokens, tokenWidth]`, give z, `[batch, width]`.
 *
 * Source: Lu et al., Hierarchical question-image co-attention for visual question answering (2016),
 * eq. 3, 4 and 7.
 *
 * @throws ChainruleError `OPTION` where there are fewer than two modalities; from `apply`, `TOKENS`
 * where an encoder gives no tokens, `MODALITY`, `SHAPE`, `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { coAttention } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = coAttention({ widths: { image: 4, text: 4 }, tokenWidths: { image: 3 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.ones([1, 4]), tokens: tf.ones([1, 9, 3]) },
 *   text: { vector: tf.ones([1, 4]), tokens: tf.ones([1, 5, 4]) },
 * });
 * z.shape; // [1, 4]
 */
export function coAttention({
  widths: given,
  tokenWidths: givenTokens,
  width = widest(given),
}: CoAttentionOptions): Fusion<CoAttentionParams, CoAttentionConfig> {
  const where = 'fusion.coAttention';
  const { names, widths, available } = modalities(where, given, 2);
  const tokenWidths = readTokenWidths(where, widths, givenTokens);
  checkPositiveInteger(where, 'width', width);
  const projection = tokenProjection(names, tokenWidths, width);
  const square = dense({ in: width, out: width, bias: false });
  const score = dense({ in: width, out: 1, bias: false });
  const out = dense({ in: width, out: width, activation: 'tanh' });
  return {
    config: { type: 'coAttention', widths, tokenWidths, width },
    width,
    acceptsMissing: true,
    init: (key) => ({
      tokens: projection.init(split(key, 'tokens')),
      affinity: each(names.slice(0, -1), (name) => {
        const from = split(split(key, 'affinity'), name);
        const after = names.slice(names.indexOf(name) + 1);
        return each(after, (to) => square.init(split(from, to)));
      }),
      hidden: each(names, (name) => square.init(split(split(key, 'hidden'), name))),
      score: each(names, (name) => score.init(split(split(key, 'score'), name))),
      out: out.init(split(key, 'out')),
    }),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        available(embeddings);
        const sequences = names.map((name) =>
          projection.apply(
            params.tokens,
            name,
            sequence(where, name, embeddings[name]!, tokenWidths[name]!),
          ),
        );
        const xs = sequences.map(zeroPadding);
        const own = xs.map((x, i) => tokenwise(square, params.hidden[names[i]!]!, x));
        const sums = [...own];
        names.forEach((name, i) => {
          for (let j = i + 1; j < names.length; j++) {
            const asked = tokenwise(square, params.affinity[name]![names[j]!]!, xs[i]!);
            const affinity = tf.tanh(tf.matMul(asked, xs[j]!, false, true));
            sums[i] = tf.add(sums[i]!, tf.matMul(affinity, own[j]!));
            sums[j] = tf.add(sums[j]!, tf.matMul(affinity, own[i]!, true));
          }
        });
        const attended = names.map((name, i) => {
          const logits = tokenwise(score, params.score[name]!, tf.tanh(sums[i]!));
          const weights = maskedSoftmax(tf.squeeze(logits, [2]), sequences[i]!.mask);
          return weightedTokens(weights as tf.Tensor2D, xs[i]!);
        });
        return out.apply(
          params.out,
          attended.reduce((sum, x) => tf.add(sum, x)),
        );
      }),
  };
}
