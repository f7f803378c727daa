import { ChainruleError } from '@chainrule/tensor';
import { z } from 'zod';
import { learnMerges, type Merge, merger } from './bpe.js';
import {
  MAX_LENGTH,
  makeTokenizer,
  maxLengthSchema,
  parse,
  positive,
  SPECIAL,
  type Tokenizer,
} from './tokenizer.js';

export type BpeTokenizerConfig = {
  readonly type: 'bpeTokenizer';
  readonly lowercase: boolean;
  readonly maxLength: number;
  /** The pairs of ids that become id 258, 259, … */
  readonly merges: readonly Merge[];
};

export interface BpeTokenizerOptions {
  /** Tokens of a row; default the longest text's. */
  readonly maxLength?: number;
  /** A pair seen less often is not merged; default 2. */
  readonly minCount?: number;
  /** Default true. */
  readonly lowercase?: boolean;
  /** Most ids, those of padding, unknown and the 256 bytes included; default 4,096. */
  readonly maxVocabulary?: number;
}

/** Bytes are the ids from here on, merged tokens come after them. */
const BYTES = SPECIAL.length;
const FIRST = BYTES + 256;
/** Of a token and of all: a hostile file whose merges double again and again must stay small. */
const MAX_BYTES = 1_024;
const MAX_TOTAL = 2 ** 25;

const optionsSchema = z.strictObject({
  maxLength: maxLengthSchema.optional(),
  minCount: positive.default(2),
  lowercase: z.boolean().default(true),
  maxVocabulary: positive.min(FIRST).max(1_000_000).default(4_096),
});

export const bpeTokenizerSchema = z.strictObject({
  type: z.literal('bpeTokenizer'),
  lowercase: z.boolean(),
  maxLength: maxLengthSchema,
  merges: z
    .array(z.tuple([z.number().int().min(BYTES), z.number().int().min(BYTES)]))
    .max(1_000_000)
    .superRefine((merges, context) => {
      const lengths: number[] = [];
      const lengthOf = (id: number) => (id < FIRST ? 1 : (lengths[id - FIRST] ?? Number.NaN));
      const seen = new Set<string>();
      let total = 0;
      for (const [i, [left, right]] of merges.entries()) {
        const length = lengthOf(left) + lengthOf(right);
        total += length;
        const problem = Number.isNaN(length)
          ? 'names a token that comes later'
          : length > MAX_BYTES
            ? `makes a token of more than ${MAX_BYTES} bytes`
            : total > MAX_TOTAL
              ? `makes tokens of more than ${MAX_TOTAL} bytes together`
              : seen.size === seen.add(`${left} ${right}`).size
                ? 'stands there twice'
                : undefined;
        if (problem !== undefined) {
          context.addIssue({
            code: 'custom',
            path: [i],
            message: `[${left}, ${right}] ${problem}`,
          });
          return;
        }
        lengths.push(length);
      }
    }),
});

/**
 * The pieces that merges never cross: a word, a number or a run of signs, each with the space
 * before it, or a run of white space. None is longer than 64 characters, so that a text without
 * spaces takes no quadratic time.
 */
const PIECE = / ?(?:[\p{L}\p{M}]{1,64}|\p{N}{1,64}|[^\s\p{L}\p{M}\p{N}]{1,64})|\s{1,64}/gu;

const utf8 = new TextEncoder();
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const normalized = (text: string, lowercase: boolean) =>
  (lowercase ? text.toLowerCase() : text).normalize('NFC');
const bytesOf = (piece: string) => Array.from(utf8.encode(piece), (byte) => byte + BYTES);

/** The tokenizer of a valid config. */
export function bpeTokenizer(config: BpeTokenizerConfig): Tokenizer<BpeTokenizerConfig> {
  const { lowercase, merges } = config;
  const bytes = Array.from({ length: FIRST }, (_, id) =>
    id < BYTES ? new Uint8Array() : Uint8Array.of(id - BYTES),
  );
  for (const [left, right] of merges) bytes.push(joined([bytes[left]!, bytes[right]!]));
  const merge = merger(merges, FIRST);
  const known = new Map<string, readonly number[]>();
  const encodePiece = (piece: string): readonly number[] => {
    const found = known.get(piece);
    if (found) return found;
    const ids = merge(bytesOf(piece));
    // Words repeat; strangers' texts must not fill the memory.
    if (known.size >= 16_384) known.clear();
    known.set(piece, ids);
    return ids;
  };
  return makeTokenizer({
    config,
    vocabulary: [...SPECIAL, ...bytes.slice(BYTES).map(nameOf)],
    ids(text, limit) {
      const ids: number[] = [];
      for (const [piece] of normalized(text, lowercase).matchAll(PIECE)) {
        if (ids.length >= limit) break;
        ids.push(...encodePiece(piece));
      }
      return ids.slice(0, limit);
    },
    text: (ids) =>
      new TextDecoder('utf-8', { ignoreBOM: true }).decode(
        joined(ids.flatMap((id) => bytes[id] ?? [])),
      ),
  });
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The text of a token, or its bytes as `<0xE2><0x82>` where they are but part of a character. */
function nameOf(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return Array.from(
      bytes,
      (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
    ).join('');
  }
}

/**
 * A tokenizer of parts of words, learnt from `texts` by byte-pair encoding on UTF-8 bytes (Sennrich
 * et al., 2016; bytes as in GPT-2): what occurs often is one token, and what was never seen falls
 * back to the bytes it is made of, so nothing is unknown and `decode` gives the text back (in
 * lowercase and Unicode's composed form). An empty text is one unknown token.
 *
 * Ids 2 to 257 are the bytes, then come the merged tokens as they were learnt. The same texts in
 * any order give the same ids.
 *
 * @throws ChainruleError `TOKENIZER` where the texts are all empty or an option is out of range.
 * @example
 * const tokenizer = fitBpeTokenizer(['a red circle', 'a red square'], { maxVocabulary: 300 });
 * tokenizer.decode(tokenizer.encode('a red star')); // 'a red star'
 */
export function fitBpeTokenizer(
  texts: Iterable<string>,
  options: BpeTokenizerOptions = {},
): Tokenizer<BpeTokenizerConfig> {
  const where = 'encoders-text.fitBpeTokenizer';
  const { lowercase, minCount, maxVocabulary, ...rest } = parse(optionsSchema, where, options);
  const counts = new Map<string, number>();
  const list = [...texts];
  for (const text of list) {
    for (const [piece] of normalized(text, lowercase).matchAll(PIECE)) {
      counts.set(piece, (counts.get(piece) ?? 0) + 1);
    }
  }
  if (counts.size === 0) {
    throw new ChainruleError('TOKENIZER', `${where}: the texts are empty; give texts to read`);
  }
  const pieces = Array.from(counts, ([piece, count]) => ({ tokens: bytesOf(piece), count }));
  const merges = learnMerges(pieces, FIRST, { most: maxVocabulary - FIRST, minCount });
  const config = { type: 'bpeTokenizer', lowercase, maxLength: MAX_LENGTH, merges } as const;
  if (rest.maxLength !== undefined) return bpeTokenizer({ ...config, maxLength: rest.maxLength });
  const { encode } = bpeTokenizer(config);
  const maxLength = list.reduce((longest, text) => Math.max(longest, encode(text).length), 1);
  return bpeTokenizer({ ...config, maxLength });
}
