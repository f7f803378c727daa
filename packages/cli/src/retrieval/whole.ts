import type { Json } from '@chainrule/tensor';
import { type DualEncoder, type DualEncoderParams, dualEncoder } from '@chainrule/trainer';
import type { TrainedModel } from '@chainrule/trainer/files';
import { type Frozen, SIDE } from './frozen.js';
import { type Heads, headsModel, type Recipe } from './heads.js';

/**
 * The frozen encoders and the heads on them as one model, which needs nothing else to be used. The
 * tensors stay those of the parts.
 */
export function wholeModel(
  { image, text }: Pick<Frozen, 'image' | 'text'>,
  recipe: Recipe,
  { params }: Heads,
  about: { readonly [name: string]: Json },
): TrainedModel<DualEncoder> {
  const { width, scale, maxScale } = recipe;
  const model = dualEncoder({
    encoders: { image: image.encoder, text: text.encoder } as never,
    projections: { image: recipe.image, text: recipe.text } as never,
    width,
    scale,
    maxScale,
  }) as unknown as DualEncoder;
  return {
    model,
    params: {
      ...params,
      encoders: { image: image.params, text: text.params },
    } as unknown as DualEncoderParams,
    tokenizer: text.tokenizer.config,
    imageSize: [SIDE, SIDE],
    about,
  };
}

/** The heads of a whole model, for rows that the frozen encoders made already. */
export function headsOf(
  { params }: Pick<TrainedModel<DualEncoder>, 'params'>,
  recipe: Recipe,
  frozen: Frozen,
): Heads {
  const widths = { image: frozen.image.encoder.width, text: frozen.text.encoder.width };
  const own = { ...params, encoders: { image: {}, text: {} } } as unknown as DualEncoderParams;
  return { model: headsModel(recipe, widths), params: own };
}
