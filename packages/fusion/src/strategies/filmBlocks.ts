import { type DenseParams, dense, type Embeddings, split, tokenwise } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { modalities } from '../modalities.js';
import { modulation } from '../modulation.js';
import { placed } from '../pairs.js';
import { type TokenNorm, type TokenNormParams, tokenNorm } from '../token-norm.js';
import {
  checkSizes,
  chosenModality,
  each,
  highestAndMean,
  joined,
  readTokenWidths,
  type Sequence,
  sequence,
  tokenProjection,
  widest,
} from '../tokens.js';
import type { Fusion, TokenFusionOptions } from '../types.js';

export interface FilmBlocksOptions extends TokenFusionOptions {
  /** The modality that modulates the others' tokens. Default: the last in alphabetical order. */
  readonly condition?: string;
  /** Width of z. Default: the widest modality's. */
  readonly width?: number;
  /** Channels of the blocks. Default: `width`. */
  readonly hidden?: number;
  /** How many blocks; default 3. */
  readonly blocks?: number;
  /** What is modulated is first normalised over the batch and its tokens (`batch`). Default `none`. */
  readonly norm?: TokenNorm;
  /** Adds what each block but the first is given to what it gives. Default false. */
  readonly residual?: boolean;
  /** Appends the place of each token, −1…1: row and column where their number is a square. Default true. */
  readonly coordinates?: boolean;
}
export type FilmBlocksParams = {
  /** The first convolution, a linear layer a modality; then those of the other blocks. */
  readonly projections: { readonly [modality: string]: DenseParams };
  readonly convolutions: readonly DenseParams[];
  /** γ − 1 and β of each block. */
  readonly films: readonly DenseParams[];
  /** The running mean and variance of each block, without `norm` nothing. */
  readonly norms: readonly TokenNormParams[];
  readonly out: DenseParams;
};
export type FilmBlocksConfig = { readonly type: 'filmBlocks' } & Required<FilmBlocksOptions>;

/**
 * A stack of FiLM blocks over tokens: one modality modulates, block after block, what is computed
 * from the places of a feature map (or any tokens) of the others.
 *
 * xₖ = r(γₖ ⊙ N(Aₖxₖ₋₁ + aₖ) + βₖ) (+ xₖ₋₁ where `residual`, k > 1),  [γₖ − 1, βₖ] = Fₖ[c, sₖ₋₁] + fₖ,
 * sₖ = [max xₖ, mean xₖ],  z = Wsₙ + w,
 *
 * where x₀ are the tokens with their coordinates, c is the vector of `condition`, r the ReLU, A are
 * convolutions of 1×1, N is batch normalisation without scale and offset (padding counts) or nothing,
 * and max and mean go over the real tokens. The first block sees c alone and can look for the thing
 * asked about; the next also sees what it found, and can look for what is near.
 *
 * Shapes: the vector of `condition`, `[batch, width]`, and tokens of the others,
 * `[batch, tokens, tokenWidth]`, give z, `[batch, width]`.
 *
 * Source: Perez et al., FiLM: Visual reasoning with a general conditioning layer (2018); feedback as
 * in Strub et al., Visual reasoning with multi-hop feature modulation (2018).
 *
 * @throws ChainruleError `OPTION` where there are fewer than two modalities or `condition` is none of
 * them; from `apply`, `TOKENS` where an encoder gives no tokens, `MODALITY`, `SHAPE`, `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { filmBlocks } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = filmBlocks({ widths: { image: 4, text: 4 }, tokenWidths: { image: 3 } });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.ones([1, 4]), tokens: tf.ones([1, 9, 3]) },
 *   text: { vector: tf.ones([1, 4]) },
 * });
 * z.shape; // [1, 4]
 */
export function filmBlocks({
  widths: given,
  tokenWidths: givenTokens,
  condition: chosen,
  width = widest(given),
  hidden = width,
  blocks = 3,
  norm = 'none',
  residual = false,
  coordinates = true,
}: FilmBlocksOptions): Fusion<FilmBlocksParams, FilmBlocksConfig> {
  const where = 'fusion.filmBlocks';
  const { names, widths, vectors } = modalities(where, given, 2);
  const tokenWidths = readTokenWidths(where, widths, givenTokens);
  const condition = chosenModality(where, 'condition', names, chosen);
  checkSizes(where, { width, hidden, blocks });
  const options = { width, hidden, blocks, norm, residual, coordinates };
  const others = names.filter((name) => name !== condition);
  const sizeOf = each(others, (name) => tokenWidths[name]! + (coordinates ? 2 : 0));
  const projection = tokenProjection(others, sizeOf, hidden);
  const convolution = dense({ in: hidden, out: hidden });
  const film = (seen: number) => modulation(widths[condition]! + seen, hidden);
  const films = Array.from({ length: blocks }, (_, k) => film(k === 0 ? 0 : 2 * hidden));
  const later = films.slice(1);
  const out = dense({ in: 2 * hidden, out: width });
  const normalize = tokenNorm(where, norm, hidden);

  const read = (params: FilmBlocksParams, embeddings: Embeddings): Sequence =>
    joined(
      others.map((name) => {
        const { tokens, mask } = sequence(where, name, embeddings[name]!, tokenWidths[name]!);
        const own = { tokens: coordinates ? placed(tokens) : tokens, mask };
        return projection.apply(params.projections, name, own);
      }),
    );

  return {
    config: { type: 'filmBlocks', widths, tokenWidths, condition, ...options },
    width,
    init: (key) => ({
      projections: projection.init(split(key, 'projections')),
      convolutions: later.map((_, k) => convolution.init(split(split(key, 'convolutions'), k))),
      films: films.map((f, k) => f.init(split(split(key, 'films'), k))),
      norms: films.map((_, k) => normalize.init(split(split(key, 'norms'), k))),
      out: out.init(split(key, 'out')),
    }),
    apply: (params, embeddings, context) =>
      tf.tidy(() => {
        const c = vectors(embeddings)[names.indexOf(condition)]!;
        let { tokens: x, mask } = read(params, embeddings);
        let found: tf.Tensor2D | undefined;
        films.forEach((layer, k) => {
          const seen = found === undefined ? c : (tf.concat([c, found], 1) as tf.Tensor2D);
          const y = k === 0 ? x : tokenwise(convolution, params.convolutions[k - 1]!, x);
          const normal = normalize.apply(params.norms[k]!, y, context);
          const modulated = layer.apply(params.films[k]!, seen, normal);
          x = residual && k > 0 ? tf.add(x, modulated) : modulated;
          found = highestAndMean({ tokens: x, mask });
        });
        return out.apply(params.out, found!);
      }),
  };
}
