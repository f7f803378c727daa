import {
  ChainruleError,
  checkPositiveInteger,
  type DenseParams,
  dense,
  split,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { modalities } from './modalities.js';
import type { Fusion, FusionConfig, FusionOptions } from './types.js';

export interface ElementwiseOptions extends FusionOptions {
  /**
   * Project each modality linearly to this width first. Without it the widths must be equal, and
   * the strategy has no parameters.
   */
  readonly width?: number;
}

/** A linear projection a modality where `width` is set, otherwise none. */
export type ElementwiseParams = { readonly [modality: string]: DenseParams };

/**
 * A strategy that combines the vectors element by element, for sum, mean, max and product.
 * `combine` is given the vectors and, where it is `acceptsMissing`, which of them are present.
 *
 * @throws ChainruleError `OPTION` where widths differ and `width` is not set.
 */
export function elementwise<Type extends string>(
  type: Type,
  { widths: given, width }: ElementwiseOptions,
  combine: (vectors: readonly tf.Tensor2D[], present?: tf.Tensor2D) => tf.Tensor2D,
  acceptsMissing?: true,
): Fusion<ElementwiseParams, FusionConfig<Type>> {
  const where = `fusion.${type}`;
  const { names, widths, vectors, available } = modalities(where, given);
  const first = widths[names[0]!]!;
  if (width !== undefined) checkPositiveInteger(where, 'width', width);
  else if (names.some((name) => widths[name] !== first)) {
    const got = names.map((name) => `${name} ${widths[name]}`).join(', ');
    throw new ChainruleError(
      'OPTION',
      `${where}: needs equal widths, got ${got}; give the encoders the same width, ` +
        'or set `width` so that each modality is projected linearly to it',
    );
  }
  const layers =
    width === undefined ? [] : names.map((name) => dense({ in: widths[name]!, out: width }));
  return {
    config: { type, widths, ...(width === undefined ? {} : { width }) },
    width: width ?? first,
    ...(acceptsMissing && { acceptsMissing }),
    init: (key) =>
      Object.fromEntries(layers.map((layer, i) => [names[i]!, layer.init(split(key, names[i]!))])),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const { vectors: xs, present } = acceptsMissing
          ? available(embeddings)
          : { vectors: vectors(embeddings), present: undefined };
        return combine(
          layers.length === 0
            ? xs
            : layers.map((layer, i) => layer.apply(params[names[i]!]!, xs[i]!)),
          present,
        );
      }),
  };
}

/** x₁ + x₂ + … */
export function total(vectors: readonly tf.Tensor2D[]): tf.Tensor2D {
  return vectors.reduce((z, x) => tf.add(z, x));
}
