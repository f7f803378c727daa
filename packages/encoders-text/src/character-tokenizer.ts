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
import { commonest } from './word-tokenizer.js';

export type CharacterTokenizerConfig = {
  readonly type: 'characterTokenizer';
  readonly lowercase: boolean;
  readonly maxLength: number;
  /** The characters of id 2, 3, … */
  readonly characters: readonly string[];
};

export interface CharacterTokenizerOptions {
  /** Characters of a row; default the longest text's. */
  readonly maxLength?: number;
  /** A character seen less often is unknown; default 1. */
  readonly minCount?: number;
  /** Default true. */
  readonly lowercase?: boolean;
  /** Most characters that get an id of their own, the commonest first; default 20,000. */
  readonly maxVocabulary?: number;
}

const optionsSchema = z.strictObject({
  maxLength: maxLengthSchema.optional(),
  minCount: positive.default(1),
  lowercase: z.boolean().default(true),
  maxVocabulary: positive.max(1_000_000).default(20_000),
});

export const characterTokenizerSchema = z.strictObject({
  type: z.literal('characterTokenizer'),
  lowercase: z.boolean(),
  maxLength: maxLengthSchema,
  characters: distinct(z.string().regex(/^.$/su, 'must be one character')),
});

/** Code points of the text in Unicode's composed form; a lone surrogate is no character. */
function characters(text: string, lowercase: boolean): string[] {
  const normal = (lowercase ? text.toLowerCase() : text).normalize('NFC');
  return Array.from(normal.replace(/\p{Surrogate}/gu, '\uFFFD'));
}

/** The tokenizer of a valid config. */
export function characterTokenizer(
  config: CharacterTokenizerConfig,
): Tokenizer<CharacterTokenizerConfig> {
  const vocabulary = [...SPECIAL, ...config.characters];
  const ids = new Map(config.characters.map((name, i) => [name, i + SPECIAL.length]));
  return makeTokenizer({
    config,
    vocabulary,
    ids: (text, limit) =>
      characters(text, config.lowercase)
        .slice(0, limit)
        .map((name) => ids.get(name) ?? UNKNOWN),
    text: (list) =>
      list.map((id) => (id === UNKNOWN ? '\uFFFD' : (vocabulary[id] ?? '\uFFFD'))).join(''),
  });
}

/**
 * A character tokenizer with the characters of `texts`, spaces and punctuation included: Unicode
 * code points, in composed form (NFC). Ids go to the commonest first, as those of words do.
 *
 * A character that it does not know is unknown, and decoded as U+FFFD.
 *
 * @throws ChainruleError `TOKENIZER` where the texts are all empty or an option is out of range.
 * @example
 * const tokenizer = fitCharacterTokenizer(['a red circle', 'a blue square']);
 * tokenizer.decode(tokenizer.encode('a bed')); // 'a bed'
 */
export function fitCharacterTokenizer(
  texts: Iterable<string>,
  options: CharacterTokenizerOptions = {},
): Tokenizer<CharacterTokenizerConfig> {
  const where = 'encoders-text.fitCharacterTokenizer';
  const { lowercase, minCount, maxVocabulary, ...rest } = parse(optionsSchema, where, options);
  const counts = new Map<string, number>();
  let longest = 0;
  for (const text of texts) {
    const found = characters(text, lowercase);
    longest = Math.max(longest, found.length);
    for (const name of found) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  if (counts.size === 0) {
    throw new ChainruleError('TOKENIZER', `${where}: the texts are empty; give texts to read`);
  }
  return characterTokenizer({
    type: 'characterTokenizer',
    lowercase,
    maxLength: rest.maxLength ?? Math.min(longest, MAX_LENGTH),
    characters: commonest(counts, minCount, maxVocabulary),
  });
}
