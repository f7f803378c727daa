import {
  ChainruleError,
  checkPositiveInteger,
  type DenseParams,
  dense,
  glorotUniform,
  split,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { bilinearForm } from '../factors.js';
import { modalities } from '../modalities.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface HypernetworkOptions extends FusionOptions {
  /** The modality that makes the layer's weights. Default: the last in alphabetical order (`text`). */
  readonly condition?: string;
  /** The width of z. Default: the widest modality's, but at most 64, for 𝕎 has width³ numbers. */
  readonly width?: number;
}
export type HypernetworkParams = {
  /** 𝕎, `[condition's width, features' width, width]`. */
  readonly kernel: tf.Tensor3D;
  /** V, without bias. */
  readonly features: DenseParams;
  /** U and b. */
  readonly condition: DenseParams;
};
export type HypernetworkConfig = {
  readonly type: 'hypernetwork';
  readonly widths: Widths;
  readonly condition: string;
  readonly width: number;
};

/**
 * Hypernetwork (multiplicative interaction): one modality makes, for each example, the weights and
 * biases of a linear layer on the others.
 *
 * z = W(c) x + b(c),  W(c) = 𝕎 c + V,  b(c) = U c + b,
 *
 * that is zₖ = Σₘₙ cₘ 𝕎ₘₙₖ xₙ + (V x)ₖ + (U c)ₖ + bₖ, where c is the `condition` and x the
 * concatenation of the other modalities in alphabetical order. `film` is the case where W(c) is
 * diagonal, and `bilinear` that without V and U.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, gives z, `[batch, width]`. The widths may differ.
 *
 * Source: Jayakumar et al., Multiplicative interactions and where to find them (2020); Ha et al.,
 * HyperNetworks (2017).
 *
 * @throws ChainruleError `OPTION` where there are fewer than two modalities, a width is not a
 * positive integer or `condition` is none of the modalities; from `apply`, `MODALITY` where a
 * modality is missing, `SHAPE` where a width is not the one declared, `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { hypernetwork } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = hypernetwork({ widths: { image: 2, text: 3 }, width: 4 });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, 4, 5]]) },
 * });
 * z.shape; // [1, 4]
 */
export function hypernetwork({
  widths: given,
  condition: chosen,
  width = Math.min(64, Math.max(...Object.values(given))),
}: HypernetworkOptions): Fusion<HypernetworkParams, HypernetworkConfig> {
  const where = 'fusion.hypernetwork';
  const { names, widths, vectors } = modalities(where, given, 2);
  const condition = chosen ?? names[names.length - 1]!;
  if (!names.includes(condition)) {
    throw new ChainruleError(
      'OPTION',
      `${where}: condition must be one of ${names.join(', ')}, got "${condition}"`,
    );
  }
  checkPositiveInteger(where, 'width', width);
  const wide = widths[condition]!;
  const others = names.reduce((sum, name) => sum + widths[name]!, 0) - wide;
  const fromFeatures = dense({ in: others, out: width, bias: false });
  const fromCondition = dense({ in: wide, out: width });
  return {
    config: { type: 'hypernetwork', widths, condition, width },
    width,
    init: (key) => ({
      kernel: glorotUniform(split(key, 'kernel'), [wide, others, width]) as tf.Tensor3D,
      features: fromFeatures.init(split(key, 'features')),
      condition: fromCondition.init(split(key, 'condition')),
    }),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const xs = vectors(embeddings);
        const c = xs[names.indexOf(condition)]!;
        const rest = xs.filter((_, i) => names[i] !== condition);
        const x = rest.length === 1 ? rest[0]! : tf.concat(rest, 1);
        const linear = tf.add(
          fromFeatures.apply(params.features, x),
          fromCondition.apply(params.condition, c),
        );
        return tf.add<tf.Tensor2D>(bilinearForm(c, params.kernel, x), linear);
      }),
  };
}
