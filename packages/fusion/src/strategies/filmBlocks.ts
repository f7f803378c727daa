import {
  ChainruleError,
  checkPositiveInteger,
  type DenseParams,
  dense,
  type Embeddings,
  reduceMax,
  split,
  tidy,
  tokenwise,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { modalities } from '../modalities.js';
import { places } from '../pairs.js';
import {
  chosenModality,
  joined,
  meanTokens,
  readTokenWidths,
  repeated,
  type Sequence,
  sequence,
  tokenProjection,
  widest,
  zeroPadding,
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
  /**
   * Side of the convolutions' window. Default 1; a larger one sees a token's neighbours, and wants
   * one other modality, whose tokens are the places of a square feature map.
   */
  readonly kernel?: number;
  /** Appends the place of each token, −1…1: row and column where their number is a square. Default true. */
  readonly coordinates?: boolean;
}
export type FilmBlocksParams = {
  /** The first convolution, a linear layer a modality; then those of the other blocks. */
  readonly projections: { readonly [modality: string]: DenseParams };
  /** Kernels of `[window · window · hidden, hidden]`. */
  readonly convolutions: readonly DenseParams[];
  /** γ − 1 and β of each block. */
  readonly films: readonly DenseParams[];
  readonly out: DenseParams;
};
export type FilmBlocksConfig = { readonly type: 'filmBlocks' } & Required<FilmBlocksOptions>;

/**
 * A stack of FiLM blocks over tokens: one modality modulates, block after block, what is computed
 * from the places of a feature map (or any tokens) of the others.
 *
 * xₖ = r(γₖ ⊙ (Aₖxₖ₋₁ + aₖ) + βₖ),  [γₖ − 1, βₖ] = Fₖ[c, sₖ₋₁] + fₖ,  sₖ = [max xₖ, mean xₖ],  z = Wsₙ + w,
 *
 * where x₀ are the tokens with their coordinates, c is the vector of `condition`, r the ReLU, A are
 * convolutions (the first, and by default all, of 1×1), and max and mean go over the real tokens. The first block sees c alone and can
 * look for the thing asked about; the next also sees what it found, and can look for what is near.
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
  kernel = 1,
  coordinates = true,
}: FilmBlocksOptions): Fusion<FilmBlocksParams, FilmBlocksConfig> {
  const where = 'fusion.filmBlocks';
  const { names, widths, vectors } = modalities(where, given, 2);
  const tokenWidths = readTokenWidths(where, widths, givenTokens);
  const condition = chosenModality(where, 'condition', names, chosen);
  const sizes = { width, hidden, blocks, kernel };
  for (const [name, size] of Object.entries(sizes)) checkPositiveInteger(where, name, size);
  const others = names.filter((name) => name !== condition);
  const placed = others.map((name) => [name, tokenWidths[name]! + (coordinates ? 2 : 0)] as const);
  const projection = tokenProjection(others, Object.fromEntries(placed), hidden);
  const convolution = dense({ in: kernel * kernel * hidden, out: hidden });
  const film = (seen: number) => dense({ in: widths[condition]! + seen, out: 2 * hidden });
  const films = Array.from({ length: blocks }, (_, k) => film(k === 0 ? 0 : 2 * hidden));
  const later = films.slice(1);
  const out = dense({ in: 2 * hidden, out: width });

  if (kernel > 1 && others.length > 1) {
    throw new ChainruleError(
      'OPTION',
      `${where}: a kernel of ${kernel} wants one modality beside ${condition}, got ${others.join(' and ')}; take kernel 1`,
    );
  }
  const convolve = (layer: DenseParams, x: tf.Tensor3D, mask: tf.Tensor2D | undefined) => {
    if (kernel === 1) return tokenwise(convolution, layer, x);
    const [batch, count] = x.shape;
    const side = Math.round(Math.sqrt(count));
    if (side * side !== count || mask !== undefined) {
      throw new ChainruleError(
        'TOKENS',
        `${where}: a kernel of ${kernel} wants the places of a square feature map, none missing, got ` +
          `${count} tokens${mask ? ' with a mask' : ''} of ${others[0]}; take kernel 1`,
      );
    }
    const window = tf.reshape(layer.kernel, [kernel, kernel, hidden, hidden]) as tf.Tensor4D;
    const map = tf.reshape(x, [batch, side, side, hidden]) as tf.Tensor4D;
    const y = tf.add(tf.conv2d(map, window, 1, 'same'), layer.bias as tf.Tensor1D);
    return tf.reshape(y, [batch, count, hidden]) as tf.Tensor3D;
  };

  const read = (params: FilmBlocksParams, embeddings: Embeddings): Sequence =>
    joined(
      others.map((name) => {
        const { tokens, mask } = sequence(where, name, embeddings[name]!, tokenWidths[name]!);
        const [batch, count] = tokens.shape;
        const at = coordinates ? [tokens, repeated(places(count), batch)] : [tokens];
        const own = { tokens: tf.concat(at, 2) as tf.Tensor3D, mask };
        return projection.apply(params.projections, name, own);
      }),
    );

  return {
    config: { type: 'filmBlocks', widths, tokenWidths, condition, ...sizes, coordinates },
    width,
    init: (key) => ({
      projections: projection.init(split(key, 'projections')),
      convolutions: later.map((_, k) => convolution.init(split(split(key, 'convolutions'), k))),
      films: films.map((f, k) => tidy(() => gentle(f.init(split(split(key, 'films'), k))))),
      out: out.init(split(key, 'out')),
    }),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const c = vectors(embeddings)[names.indexOf(condition)]!;
        let { tokens: x, mask } = read(params, embeddings);
        let found: tf.Tensor2D | undefined;
        films.forEach((layer, k) => {
          const seen = found === undefined ? c : (tf.concat([c, found], 1) as tf.Tensor2D);
          const modulation = tf.expandDims(layer.apply(params.films[k]!, seen), 1);
          const [gamma, beta] = tf.split(modulation, 2, 2) as [tf.Tensor3D, tf.Tensor3D];
          if (k > 0) x = convolve(params.convolutions[k - 1]!, x, mask);
          x = tf.relu(tf.add(tf.mul(x, tf.add(gamma, 1)), beta));
          const highest = reduceMax<tf.Tensor2D>(zeroPadding({ tokens: x, mask }), 1);
          found = tf.concat([highest, meanTokens({ tokens: x, mask })], 1) as tf.Tensor2D;
        });
        return out.apply(params.out, found!);
      }),
  };
}

/** γ starts near 1 and β near 0, so that features pass and what a block finds blows nothing up. */
const gentle = (film: DenseParams): DenseParams => ({
  ...film,
  kernel: tf.mul(film.kernel, 0.3),
});
