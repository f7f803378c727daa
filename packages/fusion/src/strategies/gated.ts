import { checkPositiveInteger, type DenseParams, dense, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { total } from '../elementwise.js';
import { modalities } from '../modalities.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface GatedOptions extends FusionOptions {
  /** The width of z. Default: the widest modality's. */
  readonly width?: number;
}
export type GatedParams = {
  /** Wᵢ of each modality, `[widthᵢ, width]`. */
  readonly hidden: { readonly [modality: string]: DenseParams };
  /** V of each gate, `[Σ widthᵢ, width]`; of two modalities only the first has one. */
  readonly gates: { readonly [modality: string]: DenseParams };
};
export type GatedConfig = {
  readonly type: 'gated';
  readonly widths: Widths;
  readonly width: number;
};

/**
 * Gated multimodal unit (GMU): a learned gate decides, element by element and example by example,
 * how much each modality counts.
 *
 * hᵢ = tanh(Wᵢ xᵢ),  gᵢ = σ(Vᵢ [x₁, …, xₙ]),  z = Σᵢ gᵢ ⊙ hᵢ.
 *
 * Two modalities share one gate, as in the paper: z = g ⊙ h₁ + (1 − g) ⊙ h₂, where modality 1 is
 * the first in alphabetical order. There are no biases, as in the paper. The widths may differ.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, gives z, `[batch, width]`, within ±1 for two
 * modalities.
 *
 * Source: Arevalo et al., Gated multimodal units for information fusion (2017).
 *
 * @throws ChainruleError `OPTION` where a width is not a positive integer; from `apply`, `MODALITY`
 * where a modality is missing, `SHAPE` where a width is not the one declared
 * (`fusion.gated: image must be [batch, 512], got [32, 768]`), `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { gated } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = gated({ widths: { image: 2, text: 3 }, width: 4 });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, 4, 5]]) },
 * });
 * z.shape; // [1, 4]
 */
export function gated({
  widths: given,
  width = Math.max(...Object.values(given)),
}: GatedOptions): Fusion<GatedParams, GatedConfig> {
  const where = 'fusion.gated';
  const { names, widths, vectors } = modalities(where, given);
  checkPositiveInteger(where, 'width', width);
  const sum = names.reduce((sum, name) => sum + widths[name]!, 0);
  const hidden = names.map((name) =>
    dense({ in: widths[name]!, out: width, activation: 'tanh', bias: false }),
  );
  const gate = dense({ in: sum, out: width, activation: 'sigmoid', bias: false });
  const tied = names.length === 2;
  const gateNames = tied ? names.slice(0, 1) : names;
  return {
    config: { type: 'gated', widths, width },
    width,
    init: (key) => ({
      hidden: Object.fromEntries(
        hidden.map((layer, i) => [names[i]!, layer.init(split(split(key, 'hidden'), names[i]!))]),
      ),
      gates: Object.fromEntries(
        gateNames.map((name) => [name, gate.init(split(split(key, 'gates'), name))]),
      ),
    }),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const xs = vectors(embeddings);
        const all = tf.concat(xs, 1);
        const h = hidden.map((layer, i) => layer.apply(params.hidden[names[i]!]!, xs[i]!));
        const g = gateNames.map((name) => gate.apply(params.gates[name]!, all));
        // h₂ + g(h₁ − h₂) is g h₁ + (1 − g) h₂ with one operation less.
        if (tied) return tf.add(h[1]!, tf.mul(g[0]!, tf.sub(h[0]!, h[1]!)));
        return total(h.map((value, i) => tf.mul(g[i]!, value)));
      }),
  };
}
