import { ChainruleError } from '@chainrule/tensor';
import { z } from 'zod';
import { UNKNOWN } from './ids.js';
import {
  distinct,
  MAX_LENGTH,
  makeTokenizer,
  maxLengthSchema,
  parse,
  positive,
  SPECIAL,
  type Tokenizer,
} from './tokenizer.js';
import { words } from './words.js';

export type WordTokenizerConfig = {
  readonly type: 'wordTokenizer';
  readonly lowercase: boolean;
  readonly maxLength: number;
  /** The words of id 2, 3, … */
  readonly words: readonly string[];
};

export interface WordTokenizerOptions {
  /** Words of a row; default the longest text's. */
  readonly maxLength?: number;
  /** A word seen less often is unknown; default 1. */
  readonly minCount?: number;
  /** Default true. */
  readonly lowercase?: boolean;
  /** Most words that get an id of their own, the commonest first; default 20,000. */
  readonly maxVocabulary?: number;
}

const optionsSchema = z.strictObject({
  maxLength: maxLengthSchema.optional(),
  minCount: positive.default(1),
  lowercase: z.boolean().default(true),
  maxVocabulary: positive.max(1_000_000).default(20_000),
});

export const wordTokenizerSchema = z.strictObject({
  type: z.literal('wordTokenizer'),
  lowercase: z.boolean(),
  maxLength: maxLengthSchema,
  words: distinct(z.string().min(1).max(1_000)),
});

/** The tokenizer of a valid config. */
export function wordTokenizer(config: WordTokenizerConfig): Tokenizer<WordTokenizerConfig> {
  const vocabulary = [...SPECIAL, ...config.words];
  const ids = new Map(config.words.map((word, i) => [word, i + SPECIAL.length]));
  return makeTokenizer({
    config,
    vocabulary,
    ids: (text, limit) =>
      words(text, config.lowercase, limit).map((word) => ids.get(word) ?? UNKNOWN),
    text: (list) => list.map((id) => vocabulary[id] ?? SPECIAL[UNKNOWN]).join(' '),
  });
}

/**
 * A word tokenizer with the vocabulary of `texts`. Words are as {@link words} splits them; ids go
 * to the commonest words first, words of equal count in the order of their code units, so the same
 * texts in any order give the same ids.
 *
 * A text without any word (empty, or punctuation alone) is encoded as one unknown word, so that
 * every row has a token to read.
 *
 * @throws ChainruleError `TOKENIZER` where the texts hold no word or an option is out of range.
 * @example
 * const tokenizer = fitWordTokenizer(['is there a circle?', 'what color is the circle?']);
 * tokenizer.encode('is there a square?'); // [3, 7, 4, 1]
 */
export function fitWordTokenizer(
  texts: Iterable<string>,
  options: WordTokenizerOptions = {},
): Tokenizer<WordTokenizerConfig> {
  const where = 'encoders-text.fitWordTokenizer';
  const { lowercase, minCount, maxVocabulary, ...rest } = parse(optionsSchema, where, options);
  const counts = new Map<string, number>();
  let longest = 0;
  for (const text of texts) {
    const found = words(text, lowercase);
    longest = Math.max(longest, found.length);
    for (const word of found) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  if (counts.size === 0) {
    throw new ChainruleError('TOKENIZER', `${where}: the texts hold no word; give texts to read`);
  }
  return wordTokenizer({
    type: 'wordTokenizer',
    lowercase,
    maxLength: rest.maxLength ?? Math.min(longest, MAX_LENGTH),
    words: commonest(counts, minCount, maxVocabulary),
  });
}

/** The keys by falling count, those of equal count in the order of their code units. */
export function commonest(
  counts: ReadonlyMap<string, number>,
  minCount: number,
  most: number,
): string[] {
  return [...counts]
    .filter(([, count]) => count >= minCount)
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .slice(0, most)
    .map(([name]) => name);
}
