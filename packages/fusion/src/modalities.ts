import {
  ChainruleError,
  checkPositiveInteger,
  checkShape,
  type Embeddings,
} from '@chainrule/tensor';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { Widths } from './types.js';

/** The modalities that a strategy fuses, in alphabetical order, whatever order they came in. */
export interface Modalities {
  readonly names: readonly string[];
  readonly widths: Widths;
  /**
   * The checked vectors of the embeddings, in the order of `names`.
   *
   * @throws ChainruleError `MODALITY` where one is missing or unknown, `SHAPE` where a width or the
   * number of examples is wrong, `EMPTY_BATCH` where there are none.
   */
  vectors(embeddings: Embeddings): Tensor2D[];
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
  return {
    names,
    widths: Object.fromEntries(names.map((name) => [name, widths[name]!])),
    vectors(embeddings) {
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
      return names.map((name) => {
        const { vector, present } = embeddings[name]!;
        checkShape(where, name, vector, ['batch', widths[name]!]);
        checkShape(where, name, vector, [embeddings[names[0]!]!.vector.shape[0], vector.shape[1]]);
        if (present !== undefined) {
          throw new ChainruleError(
            'MODALITY',
            `${where}: ${name} has a "present" mask, which this strategy can not use; ` +
              'give it examples that have every modality, without the mask',
          );
        }
        return vector;
      });
    },
  };
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
