import { ChainruleError, key, permutation, split as splitKey } from '@chainrule/tensor';
import { type Dataset, dataset, type Example } from '../dataset.js';
import type { ImageSource } from '../image.js';
import { draws } from '../synthetic/draws.js';
import type { EmojiConcept, EmojiDrawing } from './emoji.js';
import { emojiFamily } from './near-duplicate.js';

/** A drawing, a name, and whether they belong together. */
export interface EmojiMatch extends Example {
  readonly inputs: { readonly image: ImageSource; readonly text: string };
  readonly label: 'match' | 'mismatch';
  /** The subgroup that both come from. */
  readonly kind: string;
  /** What is drawn. */
  readonly drawn: EmojiConcept;
  /** What is named. */
  readonly named: EmojiConcept;
}

export interface EmojiMatchingOptions {
  /** Default 0. */
  readonly seed?: number;
  /** How many matches and mismatches each drawing is part of. Default 1. */
  readonly rounds?: number;
  /** Default: the first language of the data. */
  readonly language?: string;
}

/**
 * Image–text matching with hard negatives: is this the name of what is drawn? A wrong name is that of
 * another concept of the same subgroup (an owl for a duck), never one that means nearly the same
 * ({@link emojiFamily}).
 *
 * For each artist every concept is drawn once and named once with `match` and once with `mismatch`:
 * neither the drawing nor the name alone tells anything. Drawings without such a partner (keycaps: all
 * names alike) are left out, of all artists 17 concepts of the 1,594. Classes: `mismatch` (0) and `match` (1).
 *
 * @throws ChainruleError `DATA_EMPTY` where no drawing has a partner; `DATA_OPTIONS` for a language
 * that was not loaded.
 * @example
 * const { train, test } = emojiSplit(data, { by: 'artist' });
 * const matches = emojiMatching(train, { seed: 1 });
 */
export function emojiMatching(
  drawings: readonly EmojiDrawing[],
  options: EmojiMatchingOptions = {},
): Dataset<EmojiMatch> {
  const { seed = 0, rounds = 1 } = options;
  const language = options.language ?? Object.keys(drawings[0]?.concept.words ?? { en: 0 })[0]!;
  const cells = new Map<string, EmojiDrawing[]>();
  for (const drawing of drawings) {
    const cell = `${drawing.artist}/${drawing.concept.subgroup}`;
    if (!cells.has(cell)) cells.set(cell, []);
    cells.get(cell)!.push(drawing);
  }
  const example = (image: EmojiDrawing, named: EmojiConcept): EmojiMatch => {
    const words = named.words[language];
    if (words === undefined) {
      throw new ChainruleError(
        'DATA_OPTIONS',
        `data.emojiMatching: the language "${language}" was not loaded; name it in emoji({ languages })`,
      );
    }
    return {
      inputs: { image, text: words.name },
      label: image.concept === named ? 'match' : 'mismatch',
      kind: named.subgroup,
      drawn: image.concept,
      named,
    };
  };

  const examples: EmojiMatch[] = [];
  const source = splitKey(key(seed), 'emojiMatching');
  for (let round = 0; round < rounds; round++) {
    for (const [cell, members] of cells) {
      const random = splitKey(splitKey(source, round), cell);
      for (const [image, other] of partners(members, random)) {
        examples.push(example(image, image.concept), example(image, other.concept));
      }
    }
  }
  return dataset({ name: 'emoji matching', examples, classes: ['mismatch', 'match'] });
}

/**
 * Pairs each member with one of another family, so that each is taken once. In an order with the
 * families side by side, a shift of at least the largest family's size leaves every family, and one
 * of at most the rest does not come round to it again. Of a family of more than half, as many stay as
 * there are others.
 */
function partners(
  members: readonly EmojiDrawing[],
  random: ReturnType<typeof key>,
): (readonly [EmojiDrawing, EmojiDrawing])[] {
  const families = new Map<string, EmojiDrawing[]>();
  for (const place of permutation(splitKey(random, 'order'), members.length)) {
    const family = emojiFamily(members[place]!.concept.id);
    families.set(family, [...(families.get(family) ?? []), members[place]!]);
  }
  const groups = [...families.values()];
  const largest = groups.reduce((most, { length }) => Math.max(most, length), 0);
  const least = Math.min(largest, members.length - largest);
  const ordered = groups.flatMap((group) => (group.length > least ? group.slice(0, least) : group));
  if (ordered.length === 0) return [];
  const shift = least + draws(splitKey(random, 'shift')).integer(ordered.length - 2 * least + 1);
  return ordered.map((one, i) => [one, ordered[(i + shift) % ordered.length]!]);
}
