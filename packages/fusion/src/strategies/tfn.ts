import { checkPositiveInteger, type DenseParams, dense, split } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { outer, withOne } from '../factors.js';
import { modalities } from '../modalities.js';
import { type Projections, projections } from '../projections.js';
import type { Fusion, FusionOptions, Widths } from '../types.js';

export interface TfnOptions extends FusionOptions {
  /** The width of the projected modalities, on which the tensor's size depends; default 32. */
  readonly hidden?: number;
  /** Follow with a dense layer to this width. Default: none, z is the whole tensor. */
  readonly width?: number;
}
export type TfnParams = {
  /** Wᵢ and their biases, `[widthᵢ, hidden]`. */
  readonly projections: Projections;
  /** Where `width` is set, `[(hidden + 1)ⁿ, width]`. */
  readonly dense?: DenseParams;
};
export type TfnConfig = {
  readonly type: 'tfn';
  readonly widths: Widths;
  readonly hidden: number;
  readonly width?: number;
};

/**
 * Tensor fusion network (TFN): the outer product of all modalities, each with a constant 1 appended,
 * so that it holds the modalities alone, the products of each pair, and of all.
 *
 * z = [h₁; 1] ⊗ … ⊗ [hₙ; 1],  hᵢ = Wᵢxᵢ + bᵢ,
 *
 * flattened, the last modality's elements next to each other; or a dense layer of that with `width`
 * set. The tensor has (hidden + 1)ⁿ elements: 1089 of two modalities by default, 35,937 of three.
 * `lmf` is the same with a tensor of low rank, and small for any n.
 *
 * Shapes: one vector a modality, `[batch, widthᵢ]`, gives z, `[batch, (hidden + 1)ⁿ]` or
 * `[batch, width]`. The widths may differ.
 *
 * Source: Zadeh et al., Tensor fusion network for multimodal sentiment analysis (2017).
 *
 * @throws ChainruleError `OPTION` where a width or `hidden` is not a positive integer; from `apply`,
 * `MODALITY` where a modality is missing, `SHAPE` where a width is not the one declared,
 * `EMPTY_BATCH`.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { tfn } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = tfn({ widths: { image: 2, text: 3 }, hidden: 2 });
 * const z = fusion.apply(fusion.init(key(0)), {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, 4, 5]]) },
 * });
 * z.shape; // [1, 9]
 */
export function tfn({
  widths: given,
  hidden = 32,
  width,
}: TfnOptions): Fusion<TfnParams, TfnConfig> {
  const where = 'fusion.tfn';
  const { names, widths, vectors } = modalities(where, given);
  checkPositiveInteger(where, 'hidden', hidden);
  if (width !== undefined) checkPositiveInteger(where, 'width', width);
  const size = (hidden + 1) ** names.length;
  const project = projections({ names, widths }, hidden);
  const layer = width === undefined ? undefined : dense({ in: size, out: width });
  return {
    config: { type: 'tfn', widths, hidden, ...(width === undefined ? {} : { width }) },
    width: width ?? size,
    init: (key) => ({
      projections: project.init(split(key, 'projections')),
      ...(layer && { dense: layer.init(split(key, 'dense')) }),
    }),
    apply: (params, embeddings) =>
      tf.tidy(() => {
        const hiddens = project.apply(params.projections, vectors(embeddings));
        const tensor = hiddens.map(withOne).reduce(outer);
        return layer ? layer.apply(params.dense!, tensor) : tensor;
      }),
  };
}
