import { type Dataset, dataset, type Example } from '../dataset.js';
import type { ImageSource } from '../image.js';
import type { Emoji, EmojiDrawing } from './emoji.js';

/** A drawing and the group of what it shows. */
export interface EmojiCategory extends Example {
  readonly inputs: { readonly image: ImageSource };
  readonly label: string;
  /** The artist. */
  readonly kind: string;
}

/**
 * Drawings with Unicode's groups as classes (`animals-nature`, `food-drink` …, nine that occur), or
 * its subgroups (`animal-bird` …).
 *
 * @param drawings Of `data`, such as one part of a split.
 * @throws ChainruleError `DATA_EMPTY` without drawings.
 * @example
 * const { train } = emojiSplit(data, { by: 'both' });
 * emojiCategories(data, train).classes; // ['smileys-emotion', 'people-body', …]
 */
export function emojiCategories(
  data: Emoji,
  drawings: readonly EmojiDrawing[],
  { level = 'group' }: { readonly level?: 'group' | 'subgroup' } = {},
): Dataset<EmojiCategory> {
  return dataset({
    name: `emoji by ${level}`,
    // Of all concepts, so that a test set has the classes of its training set.
    classes: [...new Set(data.concepts.map((concept) => concept[level]))],
    examples: drawings.map((image) => ({
      inputs: { image },
      label: image.concept[level],
      kind: image.artist,
    })),
  });
}
