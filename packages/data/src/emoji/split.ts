import { ChainruleError, key, permutation, split as splitKey } from '@chainrule/tensor';
import { sha256 } from '../cache.js';
import { checkNames, type EmojiArtist } from './artists.js';
import type { Emoji, EmojiConcept, EmojiDrawing } from './emoji.js';
import { emojiFamily } from './near-duplicate.js';

export interface EmojiSplitOptions {
  /**
   * What is new in the test: the `artist` (task A of retrieval: each concept was seen, drawn by
   * others), the `concept`, or `both` (task B).
   */
  readonly by: 'artist' | 'concept' | 'both';
  /** Decides which concepts are held out. Default 0. */
  readonly seed?: number;
  /**
   * Artists that are not trained on. Default: `fluent-flat` and `fluent-3d`, which come from one
   * vendor and so are held out together.
   */
  readonly heldOut?: readonly EmojiArtist[];
  /** How many concepts are held out. Default 307. */
  readonly concepts?: number;
  /** What is split. Default: all drawings. `train` of a split, to split that again. */
  readonly drawings?: readonly EmojiDrawing[];
}

export interface EmojiSplit {
  readonly train: readonly EmojiDrawing[];
  /** By artist and then by concept. Those of one artist are a gallery: each shows another concept. */
  readonly test: readonly EmojiDrawing[];
  /** SHA-256 of the ids of both: results with the same digest are of the same split. */
  readonly digest: string;
}

/**
 * Splits drawings into train and test, so that the test's artists, concepts or both are unseen.
 *
 * - The test has only concepts that the four main sets call by the same name (1,561). The other 33
 *   are trained on.
 * - Concepts with nearly the same name ({@link emojiFamily}) are all held out or all trained on.
 *   Split one by one, 29 % of the held-out names would have such a relative in training.
 *
 * To choose settings without looking at the test, split its training part again.
 *
 * @throws ChainruleError `DATA_SPLIT` where no artist is left on one side, or so many concepts can
 * not be held out; `DATA_OPTIONS` where an artist to hold out is not in the data.
 * @example
 * const data = await emoji();
 * const { train, test } = emojiSplit(data, { by: 'both', seed: 1 });
 * const gallery = test.filter(({ artist }) => artist === 'fluent-flat'); // 307 drawings
 * const tuning = emojiSplit(data, { by: 'both', drawings: train, heldOut: ['openmoji'] });
 */
export function emojiSplit(data: Emoji, options: EmojiSplitOptions): EmojiSplit {
  const { by, seed = 0, concepts = 307, drawings = data.drawings } = options;
  const heldOut = options.heldOut ?? data.artists.filter((artist) => artist.startsWith('fluent-'));
  if (options.heldOut !== undefined) checkNames('heldOut', heldOut, data.artists);
  const newArtist = ({ artist }: EmojiDrawing) => heldOut.includes(artist);
  if (by !== 'concept' && (heldOut.length === 0 || heldOut.length === data.artists.length)) {
    throw fail(
      `of the artists ${data.artists.join(', ')} some must be held out and some not; load others, or name them in heldOut`,
    );
  }
  // Of all concepts, so that a split does not depend on which artists were loaded.
  const among = options.drawings
    ? [...new Set(drawings.map(({ concept }) => concept))].sort((a, b) => a.index - b.index)
    : data.concepts;
  const families = by === 'artist' ? new Set<string>() : heldOutFamilies(among, seed, concepts);
  const newConcept = ({ concept }: EmojiDrawing) => families.has(emojiFamily(concept.id));

  const parts = {
    artist: { train: (one: EmojiDrawing) => !newArtist(one), test: newArtist },
    concept: {
      train: (one: EmojiDrawing) => !newArtist(one) && !newConcept(one),
      test: (one: EmojiDrawing) => !newArtist(one) && newConcept(one),
    },
    both: {
      train: (one: EmojiDrawing) => !newArtist(one) && !newConcept(one),
      test: (one: EmojiDrawing) => newArtist(one) && newConcept(one),
    },
  }[by];
  const train = drawings.filter(parts.train);
  const test = drawings.filter((one) => one.concept.agreed && parts.test(one));
  if (train.length === 0 || test.length === 0) {
    throw fail(`by "${by}" leaves ${train.length} drawings to train on and ${test.length} to test`);
  }
  const ids = [train, test].map((part) => part.map(({ id }) => id).join('\n'));
  return { train, test, digest: sha256(Buffer.from(ids.join('\n\n'))) };
}

/** Whole families at random until their concepts in the gallery are just as many as wanted. */
function heldOutFamilies(
  concepts: readonly EmojiConcept[],
  seed: number,
  wanted: number,
): Set<string> {
  const sizes = new Map<string, number>();
  for (const { id, agreed } of concepts) {
    if (agreed) sizes.set(emojiFamily(id), (sizes.get(emojiFamily(id)) ?? 0) + 1);
  }
  const families = [...sizes];
  const chosen = new Set<string>();
  let missing = wanted;
  for (const place of permutation(splitKey(key(seed), 'emojiSplit'), families.length)) {
    const [family, size] = families[place]!;
    if (size > missing) continue;
    chosen.add(family);
    missing -= size;
  }
  if (!(wanted >= 1) || missing !== 0 || chosen.size === families.length) {
    throw fail(`${wanted} of ${concepts.length} concepts can not be held out; hold out fewer`);
  }
  return chosen;
}

function fail(message: string): ChainruleError {
  return new ChainruleError('DATA_SPLIT', `data.emojiSplit: ${message}`);
}
