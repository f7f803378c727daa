import {
  ChainruleError,
  checkPositiveInteger,
  checkShape,
  type Embeddings,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { zeroAbsent } from './missing.js';
import type { Widths } from './types.js';

/** The strategies that examples may lack modalities for; a test compares it with what they do. */
const acceptMissing = [
  'attentionPooling',
  'bottleneck',
  'coAttention',
  'crossAttention',
  'crossmodalTransformer',
  'deepSet',
  'earlyTransformer',
  'evidential',
  'late',
  'max',
  'mean',
  'mixtureOfExperts',
  'perceiverResampler',
  'productOfExperts',
  'sum',
  'weighted',
];

/** The checked vectors, in the order of the names. */
interface Available {
  /** Zero where the example lacks the modality. */
  readonly vectors: readonly tf.Tensor2D[];
  /** `[batch, modalities]`, 1 = has it; undefined where no embedding has a `present` mask. */
  readonly present?: tf.Tensor2D;
}

/** The modalities that a strategy fuses, in alphabetical order, whatever order they came in. */
export interface Modalities {
  readonly names: readonly string[];
  readonly widths: Widths;
  /**
   * The checked vectors of the embeddings, in the order of `names`.
   *
   * @throws ChainruleError `MODALITY` where one is missing or unknown, `SHAPE` where a width or the
   * number of examples is wrong, `EMPTY_BATCH` where there are none; `MODALITY` where there is a
   * `present` mask, for a strategy that needs every modality.
   */
  vectors(embeddings: Embeddings): tf.Tensor2D[];
  /** The same for a strategy that examples may lack modalities for: the vectors and the masks. */
  available(embeddings: Embeddings): Available;
}

/**
 * Reads the `widths` option.
 *
 * @throws ChainruleError `OPTION` where there are fewer than `atLeast` modalities, a width is not a
 * positive integer, or a name can not stand in the path of a parameter.
 */
export function modalities(where: string, widths: Widths, atLeast = 1): Modalities {
  const names = Object.keys(widths).sort();
  if (names.length < atLeast) {
    throw new ChainruleError(
      'OPTION',
      `${where}: widths must name at least ${atLeast === 1 ? 'one modality' : `${atLeast} modalities`}, ` +
        `got ${list(names)}; give for example { widths: { image: 128, text: 128 } }`,
    );
  }
  for (const name of names) {
    // Parameters are keyed by modality: "/" separates paths, and leaves below "statistics" are not trained.
    if (name === '' || name === 'statistics' || name.includes('/')) {
      throw new ChainruleError(
        'OPTION',
        `${where}: "${name}" can not be a modality's name; give it a name without "/", other than "statistics"`,
      );
    }
    checkPositiveInteger(where, `widths.${name}`, widths[name]!);
  }
  const check = (embeddings: Embeddings): void => {
    const given = Object.keys(embeddings);
    const unknown = given.find((name) => !names.includes(name));
    const missing = names.find((name) => !given.includes(name));
    if (missing !== undefined || unknown !== undefined) {
      throw new ChainruleError(
        'MODALITY',
        `${where}: ${missing === undefined ? `does not know the modality "${unknown}"` : `the modality "${missing}" is missing`}; ` +
          `widths names ${list(names)}, the embeddings are ${list(given)}`,
      );
    }
    const batch = embeddings[names[0]!]!.vector.shape[0];
    for (const name of names) {
      const { vector, present } = embeddings[name]!;
      checkShape(where, name, vector, ['batch', widths[name]!]);
      checkShape(where, name, vector, [batch, vector.shape[1]]);
      if (present !== undefined) checkShape(where, `${name}'s present`, present, [batch]);
    }
  };
  return {
    names,
    widths: Object.fromEntries(names.map((name) => [name, widths[name]!])),
    vectors(embeddings) {
      check(embeddings);
      const partial = names.find((name) => embeddings[name]!.present !== undefined);
      if (partial !== undefined) {
        throw new ChainruleError(
          'MODALITY',
          `${where}: ${partial} has a "present" mask, which this strategy can not use; take ` +
            `${list(acceptMissing.slice(0, -1))} or ${acceptMissing.at(-1)}, wrap it in modalityDropout, ` +
            'or give it examples that have every modality, without the mask',
        );
      }
      return names.map((name) => embeddings[name]!.vector);
    },
    available(embeddings) {
      check(embeddings);
      const all = names.map((name) => embeddings[name]!);
      if (all.every(({ present }) => present === undefined)) {
        return { vectors: all.map(({ vector }) => vector) };
      }
      const ones = tf.ones([all[0]!.vector.shape[0]]) as tf.Tensor1D;
      return {
        vectors: all.map(({ vector, present }) =>
          present === undefined ? vector : zeroAbsent(vector, present),
        ),
        present: tf.stack(
          all.map(({ present }) => present ?? ones),
          1,
        ) as tf.Tensor2D,
      };
    },
  };
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
