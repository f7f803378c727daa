import { type Fusion, modalityDropout } from '@chainrule/fusion';
import {
  ChainruleError,
  checkRate,
  type Embeddings,
  key,
  split,
  tidy,
  uniformArray,
} from '@chainrule/tensor';
import {
  type Batches,
  type Encoders,
  type EvaluateOptions,
  evaluate,
  type Measures,
  type Multimodal,
  type MultimodalParams,
  type TrainableModule,
} from '@chainrule/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { perturbed, realExamples } from './perturbed.js';

export interface MissingOptions {
  /** The share of examples that lack a modality, 0 … 1. */
  readonly rate: number;
  /** Which one they lack. Default: one of all, at random for each example. */
  readonly modality?: string;
  /** Which examples. Default 0. */
  readonly seed?: number;
}

/**
 * Measures of a model where some examples lack a modality. A strategy that uses `present` masks gets
 * them; any other gets zeros in the place of what is absent, as within `modalityDropout`.
 *
 * @throws ChainruleError `OPTION` for an unknown modality or a rate out of range; whatever
 * `evaluate` throws.
 * @example
 * const whole = await evaluate({ model, params, objective, data });
 * const blind = await evaluateMissing({ model, params, objective, data }, { rate: 1, modality: 'image' });
 * console.log(whole.accuracy, blind.accuracy);
 */
export async function evaluateMissing<E extends Encoders>(
  options: Omit<EvaluateOptions<MultimodalParams<E>>, 'model'> & { readonly model: Multimodal<E> },
  missing: MissingOptions,
): Promise<Measures> {
  const { model, data, ...rest } = options;
  const modalities = Object.keys(model.encoders).sort();
  return evaluate({
    ...rest,
    model: maskedModel(model),
    data: masked(data, modalities, missing),
  });
}

/** Under which name a modality's mask stands in a batch; no modality has a slash in its name. */
const maskName = (modality: string) => `present/${modality}`;

/** The model, which takes a mask for each modality from the batch. */
function maskedModel<E extends Encoders>(
  model: Multimodal<E>,
): TrainableModule<MultimodalParams<E>> {
  const { fusion, head } = model;
  const tolerant: Fusion = fusion.acceptsMissing ? fusion : modalityDropout(fusion, { rate: 0 });
  return {
    config: model.config,
    init: (key) => model.init(key),
    apply: (params, batch, context) =>
      tf.tidy(() => {
        const input = batch as Parameters<typeof model.embed>[1];
        const embeddings = tidy(() => model.embed(params, input, context));
        const partial: Embeddings = Object.fromEntries(
          Object.entries(embeddings).map(([name, embedding]) => [
            name,
            { ...embedding, present: batch.inputs[maskName(name)] as tf.Tensor1D },
          ]),
        );
        const own = fusion.acceptsMissing ? params.fusion : { fusion: params.fusion };
        return head.apply(params.head, tolerant.apply(own, partial, context), context);
      }),
  };
}

/** The batches with a mask for each modality: each real example lacks one with probability `rate`. */
function masked(
  data: Batches,
  modalities: readonly string[],
  { rate, modality, seed = 0 }: MissingOptions,
): Batches {
  const where = 'diagnose.evaluateMissing';
  if (rate !== 1) checkRate(where, 'rate', rate);
  if (modality !== undefined && !modalities.includes(modality)) {
    throw new ChainruleError(
      'OPTION',
      `${where}: modality must be one of ${modalities.join(', ')}, got "${modality}"`,
    );
  }
  const candidates = modality === undefined ? modalities : [modality];
  const source = split(key(seed), 'missing');
  return perturbed(data, async (batch, index) => {
    const { count } = await realExamples(batch);
    const draws = uniformArray(split(source, index), 2 * count);
    const lacks = Array.from({ length: count }, (_, i) =>
      draws[2 * i]! < rate
        ? candidates[Math.floor(draws[2 * i + 1]! * candidates.length)]
        : undefined,
    );
    const masks = modalities.map((name) => {
      const present = lacks.map((lacking) => (lacking === name ? 0 : 1));
      return [maskName(name), tf.tensor1d(present, 'float32')];
    });
    return { inputs: Object.fromEntries(masks) };
  });
}
