import { checkPositiveInteger, type DenseParams, dense, split, tokenwise } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { maskedSoftmax } from '../missing.js';
import { modalities } from '../modalities.js';
import {
  chosenModality,
  joined,
  meanTokens,
  readTokenWidths,
  sequence,
  tokenProjection,
  widest,
} from '../tokens.js';
import type { Fusion, TokenFusionOptions } from '../types.js';

export interface NonLocalGateOptions extends TokenFusionOptions {
  /** The modality whose tokens look at the others'. Default: the last in alphabetical order. */
  readonly query?: string;
  /** The width of z. Default: the widest modality's. */
  readonly width?: number;
  /** The width in which tokens are compared. Default: half of `width`. */
  readonly inner?: number;
}
type Layers = { readonly [modality: string]: DenseParams };
export type NonLocalGateParams = {
  /** P, `[token width, width]`. */
  readonly query: Layers;
  /** θ, `[width, inner]`. */
  readonly theta: DenseParams;
  /** φ of each other modality, `[token width, inner]`. */
  readonly phi: Layers;
  /** g of each other modality, `[token width, inner]`. */
  readonly g: Layers;
  /** W_z, `[inner, width]`. */
  readonly out: DenseParams;
};
export type NonLocalGateConfig = { readonly type: 'nonLocalGate' } & Required<NonLocalGateOptions>;

/**
 * Non-local gate: each token of one modality adds what it finds at all tokens of the others, by a
 * non-local operation; then the tokens are averaged.
 *
 * z = meanₜ(xₜ + W_z yₜ + b),  yₜ = Σₘ softmaxₘ(θ(xₜ)·φ(m)) g(m),  xₜ = Ptₜ + p,
 *
 * where t runs over the tokens of `query` and m over those of all other modalities; θ and g are
 * linear with, φ without a bias. Padding has no weight, nor has it a part in the mean.
 *
 * Shapes: the tokens of each modality, `[batch, tokens, tokenWidth]`, give z, `[batch, width]`.
 *
 * Source: Wang et al., Non-local neural networks (2018), the embedded Gaussian, between modalities
 * as in Wang, Tran and Feiszli, What makes training multi-modal classification networks hard?
 * (2020). The paper starts W_z at 0; here it starts as any other layer.
 *
 * @throws ChainruleError `OPTION` where there are fewer than two modalities or `query` is none of
 * them; from `apply`, `TOKENS` where an encoder gives no tokens, `MODALITY`, `SHAPE`, `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { nonLocalGate } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = nonLocalGate({ widths: { image: 4, text: 4 }, tokenWidths: { image: 3 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.ones([1, 4]), tokens: tf.ones([1, 9, 3]) },
 *   text: { vector: tf.ones([1, 4]), tokens: tf.ones([1, 5, 4]) },
 * });
 * z.shape; // [1, 4]
 */
export function nonLocalGate({
  widths: given,
  tokenWidths: givenTokens,
  query: chosen,
  width = widest(given),
  inner = Math.ceil(width / 2),
}: NonLocalGateOptions): Fusion<NonLocalGateParams, NonLocalGateConfig> {
  const where = 'fusion.nonLocalGate';
  const { names, widths, vectors } = modalities(where, given, 2);
  const tokenWidths = readTokenWidths(where, widths, givenTokens);
  const query = chosenModality(where, 'query', names, chosen);
  checkPositiveInteger(where, 'width', width);
  checkPositiveInteger(where, 'inner', inner);
  const others = names.filter((name) => name !== query);
  const projection = tokenProjection([query], tokenWidths, width);
  const theta = dense({ in: width, out: inner });
  const phi = tokenProjection(others, tokenWidths, inner, { bias: false });
  const g = tokenProjection(others, tokenWidths, inner);
  const out = dense({ in: inner, out: width });
  return {
    config: { type: 'nonLocalGate', widths, tokenWidths, query, width, inner },
    width,
    init: (key) => ({
      query: projection.init(split(key, 'query')),
      theta: theta.init(split(key, 'theta')),
      phi: phi.init(split(key, 'phi')),
      g: g.init(split(key, 'g')),
      out: out.init(split(key, 'out')),
    }),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        vectors(embeddings);
        const read = (name: string) => sequence(where, name, embeddings[name]!, tokenWidths[name]!);
        const x = projection.apply(params.query, query, read(query));
        const memory = others.map((name) => [name, read(name)] as const);
        const keys = joined(memory.map(([name, own]) => phi.apply(params.phi, name, own)));
        const values = joined(memory.map(([name, own]) => g.apply(params.g, name, own)));
        const logits = tf.matMul(
          tokenwise(theta, params.theta, x.tokens),
          keys.tokens,
          false,
          true,
        );
        const weights = maskedSoftmax(logits, keys.mask && tf.expandDims(keys.mask, 1));
        const y = tokenwise(out, params.out, tf.matMul(weights, values.tokens) as tf.Tensor3D);
        return meanTokens({ tokens: tf.add(x.tokens, y), mask: x.mask });
      }),
  };
}
