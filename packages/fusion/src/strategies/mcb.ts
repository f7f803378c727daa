import { ChainruleError, checkPositiveInteger } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { circularConvolution, randomHash, splitSize } from '../circular-convolution.js';
import { powerNormalize } from '../factors.js';
import { modalities } from '../modalities.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface McbOptions extends FusionOptions {
  /** The width d of z; default 1024. The paper has 16000 for widths of 2048. */
  readonly width?: number;
  /** Of the random projections, which are fixed; default 0. */
  readonly seed?: number;
  /** Power and ℓ² normalisation of z; default true. */
  readonly normalize?: boolean;
}
/** There is nothing to train. */
export type McbParams = { readonly [none: string]: never };
export type McbConfig = {
  readonly type: 'mcb';
  readonly widths: Widths;
  readonly width: number;
  readonly seed: number;
  readonly normalize: boolean;
};

/**
 * Compact bilinear pooling (MCB): a fixed random projection of the outer product, computed without it
 * as the circular convolution of each modality's count sketch.
 *
 * ψ(x)ₖ = Σ_{m: h(m) = k} s(m) xₘ,  p = ψ₁(x₁) ∗ … ∗ ψₙ(xₙ),
 * z = r / ‖r‖ with r = sign(p) √|p|, or z = p without `normalize`,
 *
 * where h sends each element to a random one of `width` bins and s is a random sign, both drawn
 * once from `seed` and the modality's name. The inner product of two p is on average that of the
 * outer products. There are no parameters, so the encoders learn all.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, gives z, `[batch, width]`. The widths may differ.
 *
 * Source: Fukui et al., Multimodal compact bilinear pooling for visual question answering and visual
 * grounding (2016). The root has 1e-8 added below it, so that its slope is finite.
 *
 * @throws ChainruleError `OPTION` where a width is not a positive integer, `seed` not a non-negative
 * one, or `width` above 1024 has no divisors near its square root; from `apply`, `MODALITY` where a
 * modality is missing, `SHAPE` where a width is not the one declared, `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { mcb } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = mcb({ widths: { image: 2, text: 3 }, width: 16 });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, 4, 5]]) },
 * });
 * z.shape; // [1, 16]
 */
export function mcb({
  widths: given,
  width = 1024,
  seed = 0,
  normalize = true,
}: McbOptions): Fusion<McbParams, McbConfig> {
  const where = 'fusion.mcb';
  const { names, widths, vectors } = modalities(where, given);
  checkPositiveInteger(where, 'width', width);
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new ChainruleError(
      'OPTION',
      `${where}: seed must be a non-negative integer, got ${seed}`,
    );
  }
  if (width / splitSize(width) > 1024) {
    throw new ChainruleError(
      'OPTION',
      `${where}: width must have a divisor of at least width / 1024 up to its square root, got ` +
        `${width}; take ${Math.ceil(width / 64) * 64}`,
    );
  }
  const hashes = names.map((name) => randomHash(seed, name, widths[name]!, width));
  const convolution = circularConvolution(hashes, width);
  return {
    config: { type: 'mcb', widths, width, seed, normalize },
    width,
    init: () => ({}),
    apply: (_params, embeddings) =>
      tf.tidy(() => {
        const p = convolution.apply(vectors(embeddings));
        return normalize ? powerNormalize(p) : p;
      }),
  };
}
