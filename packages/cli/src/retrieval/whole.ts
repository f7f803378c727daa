import { type Json, precomputed } from '@chainrule/tensor';
import { type DualEncoder, type DualEncoderParams, dualEncoder } from '@chainrule/trainer';
import type { TrainedModel } from '@chainrule/trainer/files';
import { type Frozen, SIDE } from './frozen.js';
import { type Heads, projections } from './heads.js';

type Encoders = Parameters<typeof dualEncoder>[0]['encoders'];

const withHeads = (encoders: unknown, concepts: number): DualEncoder =>
  dualEncoder({
    encoders: encoders as Encoders,
    projections: projections(concepts),
    width: concepts,
  });

/**
 * The frozen encoders and the heads on them as one model, which needs nothing else to be used. The
 * tensors stay those of the parts.
 */
export function wholeModel(
  { image, text }: Pick<Frozen, 'image' | 'text'>,
  { model, params }: Heads,
  about: { readonly [name: string]: Json },
): TrainedModel<DualEncoder> {
  return {
    model: withHeads({ image: image.encoder, text: text.encoder }, model.width),
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
export function headsOf({
  model: { encoders, width },
  params,
}: Pick<TrainedModel<DualEncoder>, 'model' | 'params'>): Heads {
  const rows = {
    image: precomputed({ width: encoders.image!.width }),
    text: precomputed({ width: encoders.text!.width }),
  };
  const own = { ...params, encoders: { image: {}, text: {} } } as unknown as DualEncoderParams;
  return { model: withHeads(rows, width), params: own };
}
