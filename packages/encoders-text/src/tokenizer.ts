import { ChainruleError, type Config, checkPositiveInteger } from '@chainrule/tensor';
import { z } from 'zod';
import { PADDING, UNKNOWN } from './ids.js';

/** What ids 0 and 1 are called. */
export const SPECIAL = ['<padding>', '<unknown>'] as const;

/** Between text and ids. */
export interface Tokenizer<C extends Config = Config> {
  /** Plain JSON, the vocabulary included: saved with the model, it rebuilds this very tokenizer. */
  readonly config: C;
  /** Every token by its id: `vocabulary[0]` stands for padding. */
  readonly vocabulary: readonly string[];
  /** Width of the rows of `encodeBatch`. */
  readonly maxLength: number;
  /** The ids of a text, at least one and at most `maxLength`; what is beyond is cut off. */
  encode(text: string): number[];
  /** The text of ids, as far as they hold it; padding is left out. */
  decode(ids: Iterable<number>): string;
  /** `[texts, maxLength]` ids row by row, each row padded with 0. */
  encodeBatch(texts: readonly string[], options?: { readonly maxLength?: number }): Int32Array;
}

/** What tells one tokenizer from another. */
export interface TokenizerParts<C extends Config> {
  readonly config: C & { readonly maxLength: number };
  readonly vocabulary: readonly string[];
  /** At most `limit` ids; none where the text holds nothing. */
  readonly ids: (text: string, limit: number) => number[];
  /** Ids, none of which is padding, as text. */
  readonly text: (ids: number[]) => string;
  /** The id of a text that holds nothing; default {@link UNKNOWN}. */
  readonly nothing?: number;
}

/**
 * A tokenizer of its parts. A text that holds nothing is one unknown token, so that every row has a
 * token to read.
 */
export function makeTokenizer<C extends Config>(parts: TokenizerParts<C>): Tokenizer<C> {
  const { config, vocabulary } = parts;
  const encode = (text: string, maxLength = config.maxLength) => {
    const found = parts.ids(text, maxLength);
    return found.length === 0 ? [parts.nothing ?? UNKNOWN] : found;
  };
  return {
    config,
    vocabulary,
    maxLength: config.maxLength,
    encode: (text) => encode(text),
    decode: (ids) => parts.text(Array.from(ids).filter((id) => id !== PADDING)),
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

export const MAX_LENGTH = 65_536;
export const positive = z.number().int().positive();
export const maxLengthSchema = positive.max(MAX_LENGTH);

/** A list whose entries differ. */
export const distinct = <T extends z.ZodType<string>>(item: T) =>
  z
    .array(item)
    .max(1_000_000)
    .superRefine((list, context) => {
      const seen = new Set<string>();
      const twice = list.find((word) => seen.size === seen.add(word).size);
      if (twice !== undefined) context.addIssue(`"${twice}" stands there twice`);
    });

/**
 * Validates what may come from a file.
 *
 * @throws ChainruleError `TOKENIZER` that names the first place that is wrong.
 */
export function parse<T>(schema: z.ZodType<T>, where: string, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues as [z.core.$ZodIssue];
  const place = path.length === 0 ? '' : `${path.join('.')}: `;
  throw new ChainruleError('TOKENIZER', `${where}: ${place}${message}`, { cause: parsed.error });
}
