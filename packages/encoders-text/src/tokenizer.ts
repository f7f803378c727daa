import { ChainruleError, type Config, checkPositiveInteger } from '@chainrule/tensor';
import { z } from 'zod';
import { PADDING, UNKNOWN } from './ids.js';
import { words } from './words.js';

const SPECIAL = ['<padding>', '<unknown>'] as const;

/** Between text and ids. */
export interface Tokenizer<C extends Config = Config> {
  /** Plain JSON, the vocabulary included: saved with the model, it rebuilds this very tokenizer. */
  readonly config: C;
  /** Every token by its id: `vocabulary[0]` stands for padding, `vocabulary[1]` for unknown words. */
  readonly vocabulary: readonly string[];
  /** Width of the rows of `encodeBatch`. */
  readonly maxLength: number;
  /** The ids of a text, at least one and at most `maxLength`; what is beyond is cut off. */
  encode(text: string): number[];
  /** The tokens of ids, joined by spaces; padding is left out. */
  decode(ids: Iterable<number>): string;
  /** `[texts, maxLength]` ids row by row, each row padded with 0. */
  encodeBatch(texts: readonly string[], options?: { readonly maxLength?: number }): Int32Array;
}

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

const positive = z.number().int().positive();
const optionsSchema = z.strictObject({
  maxLength: positive.max(65_536).optional(),
  minCount: positive.default(1),
  lowercase: z.boolean().default(true),
  maxVocabulary: positive.max(1_000_000).default(20_000),
});

const configSchema = z.strictObject({
  type: z.literal('wordTokenizer'),
  lowercase: z.boolean(),
  maxLength: positive.max(65_536),
  words: z
    .array(z.string().min(1).max(1_000))
    .max(1_000_000)
    .superRefine((list, context) => {
      const seen = new Set<string>();
      const twice = list.find((word) => seen.size === seen.add(word).size);
      if (twice !== undefined) context.addIssue(`"${twice}" stands there twice`);
    }),
});

/** Validates what may come from a file; errors name the first place that is wrong. */
function parse<T>(schema: z.ZodType<T>, code: string, where: string, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues as [z.core.$ZodIssue];
  const place = path.length === 0 ? '' : `${path.join('.')}: `;
  throw new ChainruleError(code, `${where}: ${place}${message}`, { cause: parsed.error });
}

/**
 * Rebuilds a tokenizer from its `config`, which may come from an untrusted file.
 *
 * @throws ChainruleError `TOKENIZER` that names what is wrong: a word twice, a size out of range,
 * an unknown key.
 */
export function tokenizerFromConfig(config: unknown): Tokenizer<WordTokenizerConfig> {
  return fromValid(parse(configSchema, 'TOKENIZER', 'encoders-text.tokenizerFromConfig', config));
}

function fromValid(config: WordTokenizerConfig): Tokenizer<WordTokenizerConfig> {
  const vocabulary = [...SPECIAL, ...config.words];
  const ids = new Map(config.words.map((word, i) => [word, i + SPECIAL.length]));
  const encode = (text: string, maxLength = config.maxLength) => {
    const found = words(text, config.lowercase, maxLength).map((word) => ids.get(word) ?? UNKNOWN);
    return found.length === 0 ? [UNKNOWN] : found;
  };
  return {
    config,
    vocabulary,
    maxLength: config.maxLength,
    encode: (text) => encode(text),
    decode: (list) =>
      Array.from(list)
        .filter((id) => id !== PADDING)
        .map((id) => vocabulary[id] ?? SPECIAL[UNKNOWN])
        .join(' '),
    encodeBatch(texts, { maxLength = config.maxLength } = {}) {
      checkPositiveInteger('encoders-text.encodeBatch', 'maxLength', maxLength);
      const out = new Int32Array(texts.length * maxLength);
      texts.forEach((text, row) => {
        out.set(encode(text, maxLength), row * maxLength);
      });
      return out;
    },
  };
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
 * tokenizer.encode('is there a square?'); // [3, 6, 4, 1]
 */
export function fitWordTokenizer(
  texts: Iterable<string>,
  options: WordTokenizerOptions = {},
): Tokenizer<WordTokenizerConfig> {
  const where = 'encoders-text.fitWordTokenizer';
  const { lowercase, minCount, maxVocabulary, ...rest } = parse(
    optionsSchema,
    'TOKENIZER',
    where,
    options,
  );
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
  const list = [...counts]
    .filter(([, count]) => count >= minCount)
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .slice(0, maxVocabulary)
    .map(([word]) => word);
  return fromValid({
    type: 'wordTokenizer',
    lowercase,
    maxLength: rest.maxLength ?? Math.min(longest, 65_536),
    words: list,
  });
}
