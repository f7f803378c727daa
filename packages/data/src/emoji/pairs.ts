import { type Dataset, dataset, type Example } from '../dataset.js';
import type { ImageSource } from '../image.js';
import type { Emoji, EmojiConcept, EmojiDrawing } from './emoji.js';

/** A drawing and what it may be called. Equal labels are equal concepts. */
export interface EmojiPair extends Example {
  readonly inputs: { readonly image: ImageSource; readonly text: string };
  readonly captions: readonly string[];
  /** The concept's id; as a target it is `concept.index`. */
  readonly label: string;
  /** The artist. */
  readonly kind: string;
  readonly concept: EmojiConcept;
}

/**
 * `name`: `crocodile`. `described`: the name and all keywords, `crocodile: alligator, reptile`.
 * `keywords`: the keywords alone. `keyword`: each keyword that no other concept has.
 */
export type CaptionForm = 'name' | 'described' | 'keywords' | 'keyword';

export interface EmojiPairsOptions {
  /** Default: all four. */
  readonly forms?: readonly CaptionForm[];
  /** Default: all that the data was loaded with. */
  readonly languages?: readonly string[];
}

const FORMS: readonly CaptionForm[] = ['name', 'described', 'keywords', 'keyword'];

/**
 * Pairs of a drawing and its name, for contrastive training and retrieval. The text is the name in
 * the first language; `captions` are all that the drawing may be called, of which a loader with
 * `captions: 'sample'` draws one an epoch. The target is the concept's number in `data.concepts`,
 * the same in all parts of a split, so an objective can treat two drawings of one concept as a match.
 *
 * @param drawings Of `data`, such as one part of a split.
 * @throws ChainruleError `DATA_EMPTY` without drawings.
 * @example
 * const { train } = emojiSplit(data, { by: 'artist' });
 * const pairs = emojiPairs(data, train);
 * const batches = loader(pairs, { batchSize: 128, captions: 'sample', tokenizer, imageSize: [96, 96] });
 */
export function emojiPairs(
  data: Emoji,
  drawings: readonly EmojiDrawing[],
  options: EmojiPairsOptions = {},
): Dataset<EmojiPair> {
  const { forms = FORMS, languages = data.languages } = options;
  const captions = data.concepts.map(() => [] as string[]);
  for (const language of languages) {
    const uses = new Map<string, number>();
    for (const { words } of data.concepts) {
      for (const word of words[language]?.keywords ?? []) uses.set(word, (uses.get(word) ?? 0) + 1);
    }
    for (const { index, words } of data.concepts) {
      const { name, keywords } = words[language]!;
      captions[index]!.push(...forms.flatMap((form) => captionsOf(form, name, keywords, uses)));
    }
  }
  return dataset({
    name: 'emoji',
    classes: data.concepts.map(({ id }) => id),
    examples: drawings.map((image): EmojiPair => {
      const { concept } = image;
      const { name } = concept.words[languages[0]!]!;
      const own = [...new Set(captions[concept.index])];
      return {
        inputs: { image, text: name },
        captions: own.length > 0 ? own : [name],
        label: concept.id,
        kind: image.artist,
        concept,
      };
    }),
  });
}

function captionsOf(
  form: CaptionForm,
  name: string,
  keywords: readonly string[],
  uses: ReadonlyMap<string, number>,
): readonly string[] {
  if (form === 'name') return [name];
  if (keywords.length === 0) return [];
  if (form === 'described') return [`${name}: ${keywords.join(', ')}`];
  if (form === 'keywords') return [keywords.join(', ')];
  return keywords.filter((word) => uses.get(word) === 1);
}
