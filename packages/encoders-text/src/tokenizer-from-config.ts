import { ChainruleError, lookUp } from '@chainrule/tensor';
import { z } from 'zod';
import { bpeTokenizer, bpeTokenizerSchema } from './bpe-tokenizer.js';
import { characterTokenizer, characterTokenizerSchema } from './character-tokenizer.js';
import { parse, type Tokenizer } from './tokenizer.js';
import { wordTokenizer, wordTokenizerSchema } from './word-tokenizer.js';

/** Rebuilds a tokenizer of one type from its config, which may come from an untrusted file. */
export type TokenizerFactory = (config: unknown) => Tokenizer;

const where = 'encoders-text.tokenizerFromConfig';

const factories: { readonly [type: string]: TokenizerFactory } = {
  bpeTokenizer: (config) => bpeTokenizer(parse(bpeTokenizerSchema, where, config)),
  characterTokenizer: (config) =>
    characterTokenizer(parse(characterTokenizerSchema, where, config)),
  wordTokenizer: (config) => wordTokenizer(parse(wordTokenizerSchema, where, config)),
};

/**
 * Rebuilds a tokenizer from its `config`, which may come from an untrusted file.
 *
 * @param more further types, by name: `huggingFace` of this package's `huggingface` subpath.
 * @throws ChainruleError `TOKENIZER` that names what is wrong: a word twice, a size out of range,
 * an unknown key; `UNKNOWN_NAME` for another type.
 * @example
 * const again = tokenizerFromConfig(JSON.parse(JSON.stringify(tokenizer.config)));
 */
export function tokenizerFromConfig(
  config: unknown,
  more: { readonly [type: string]: TokenizerFactory } = {},
): Tokenizer {
  const { type } = parse(z.looseObject({ type: z.string() }), where, config);
  if (type === 'huggingFaceTokenizer' && !Object.hasOwn(more, type)) {
    throw new ChainruleError(
      'TOKENIZER',
      `${where}: a Hugging Face tokenizer needs \`huggingFace\` of @chainrule/encoders-text/huggingface as second argument`,
    );
  }
  return lookUp(where, { ...factories, ...more }, type)(config);
}
