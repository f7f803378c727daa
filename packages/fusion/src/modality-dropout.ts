import {
  ChainruleError,
  type Config,
  type Context,
  checkRate,
  type Embedding,
  type Embeddings,
  type Params,
  split,
  uniform,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { presentColumns, zeroAbsent } from './missing.js';
import type { Fusion } from './types.js';

export interface ModalityDropoutOptions {
  /** The probability that a training example loses a modality; default 0.2. */
  readonly rate?: number;
}
export type ModalityDropoutParams = { readonly fusion: Params };
export type ModalityDropoutConfig = {
  readonly type: 'modalityDropout';
  readonly fusion: Config;
  readonly rate: number;
};

/**
 * Modality dropout around any strategy: while training, each example loses each modality with
 * probability `rate`, but never all that it has. So the model learns to do with what there is.
 *
 * kᵢ = pᵢ · [uᵢ ≥ rate or uᵢ = maxⱼ pⱼuⱼ],  uᵢ uniform in [0, 1),  p the `present` masks;
 *
 * a strategy that takes `present` masks gets k as the masks. For every other one the vectors and
 * tokens of what is absent become zero, in training and outside, so within this wrapper any
 * strategy takes `present` masks.
 *
 * Shapes: those of the strategy.
 *
 * Source: Neverova et al., ModDrop: Adaptive multi-modal gesture recognition (2016).
 *
 * @throws ChainruleError `OPTION` unless 0 <= rate < 1; `MISSING_KEY` when training without a key;
 * whatever the strategy throws.
 *
 * @example
 * import * as tf from '@tensorflow/tfjs';
 * import { modalityDropout, product } from '@chainrule/fusion';
 * import { key } from '@chainrule/tensor';
 *
 * const fusion = modalityDropout(product({ widths: { image: 2, text: 2 } }), { rate: 0.5 });
 * const embeddings = {
 *   image: { vector: tf.tensor2d([[1, 2]]) },
 *   text: { vector: tf.tensor2d([[3, -4]]) },
 * };
 * fusion.apply(fusion.init(key(0)), embeddings, { training: true, key: key(1) });
 */
export function modalityDropout(
  fusion: Fusion,
  { rate = 0.2 }: ModalityDropoutOptions = {},
): Fusion<ModalityDropoutParams, ModalityDropoutConfig> {
  checkRate('fusion.modalityDropout', 'rate', rate);
  return {
    config: { type: 'modalityDropout', fusion: fusion.config, rate },
    width: fusion.width,
    acceptsMissing: true,
    init: (key) => ({ fusion: fusion.init(split(key, 'fusion')) }),
    apply: (params, embeddings, context = {}) =>
      tf.tidy(() => {
        const kept = dropModalities(embeddings, rate, context);
        return fusion.apply(
          params.fusion,
          fusion.acceptsMissing ? kept : withoutAbsent(kept),
          context,
        );
      }),
  };
}

/** Takes modalities away from examples, in training: see {@link modalityDropout}. */
function dropModalities(embeddings: Embeddings, rate: number, context: Context): Embeddings {
  if (rate === 0 || context.training !== true) return embeddings;
  if (context.key === undefined) {
    throw new ChainruleError(
      'MISSING_KEY',
      'fusion.modalityDropout: training needs a key; pass { training: true, key }',
    );
  }
  const names = Object.keys(embeddings).sort();
  const all = names.map((name) => embeddings[name]!);
  const batch = all[0]!.vector.shape[0];
  const draws = uniform<tf.Rank.R2>(split(context.key, 'modalities'), [batch, names.length]);
  const ones = tf.ones([batch]);
  const present = tf.stack(
    all.map((embedding) => embedding.present ?? ones),
    1,
  );
  // Absent ones stand below every draw, so that the highest belongs to one that is there.
  const held = tf.sub(tf.mul(tf.add(draws, 1), present), 1);
  const highest = tf.equal(held, tf.max(held, 1, true));
  const chosen = tf.cast(tf.logicalOr(tf.greaterEqual(draws, rate), highest), 'float32');
  const kept = presentColumns(tf.mul(chosen, present) as tf.Tensor2D);
  return mapEmbeddings(embeddings, (embedding, name) =>
    replace(embedding, {
      present: { value: tf.reshape(kept[names.indexOf(name)]!, [batch]), enumerable: true },
    }),
  );
}

/** Zeros in the place of absent modalities, and no masks: for strategies that need every modality. */
function withoutAbsent(embeddings: Embeddings): Embeddings {
  return mapEmbeddings(embeddings, (embedding) => {
    const { vector, present } = embedding;
    if (present === undefined) return embedding;
    return replace(embedding, {
      vector: { value: zeroAbsent(vector, present), enumerable: true },
      tokens: {
        get: () => embedding.tokens && zeroAbsent(embedding.tokens, present),
        enumerable: true,
      },
      present: { value: undefined },
    });
  });
}

/** The embedding with other properties. Tokens may be made on demand, so nothing is read here. */
function replace(embedding: Embedding, properties: PropertyDescriptorMap): Embedding {
  const own = Object.getOwnPropertyDescriptors(embedding);
  return Object.defineProperties({}, { ...own, ...properties }) as Embedding;
}

function mapEmbeddings(
  embeddings: Embeddings,
  f: (embedding: Embedding, name: string) => Embedding,
): Embeddings {
  return Object.fromEntries(
    Object.entries(embeddings).map(([name, embedding]) => [name, f(embedding, name)]),
  );
}
