import { type Dataset, type Example, subset } from '../dataset.js';
import type { EmojiDrawing } from './emoji.js';

/**
 * The pairs that name none of the concepts in a test: icons and clip art to train on beside a split
 * by concept, without showing a camera to a model that is to be tested on cameras it never saw. A
 * pair goes where its text or a caption has a held-out concept's English name in it, word by word.
 *
 * @param pairs Such as `iconPairs` gives.
 * @param test Of an `emojiSplit` by `concept` or `both`.
 * @throws ChainruleError `DATA_EMPTY` where no pair is left.
 * @example
 * const { train, test } = emojiSplit(data, { by: 'both' });
 * const extra = unrelatedPairs(iconPairs((await icons()).icons), test);
 */
export function unrelatedPairs<E extends Example>(
  pairs: Dataset<E>,
  test: readonly EmojiDrawing[],
): Dataset<E> {
  const names = [...new Set(test.map(({ concept }) => plain(concept.name)))];
  const kept = pairs.examples.flatMap(({ inputs, captions = [] }, index) => {
    const said = [inputs.text ?? '', ...captions].map(plain);
    return names.some((name) => said.some((text) => text.includes(name))) ? [] : [index];
  });
  return subset(pairs, kept);
}

/** Words with one blank around each, plurals as singulars: ` red heart `. */
function plain(text: string): string {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return ` ${words.map((word) => word.replace(/(?<=[^s])s$/, '')).join(' ')} `;
}
