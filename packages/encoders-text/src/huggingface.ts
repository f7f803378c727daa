import { ChainruleError, type Json } from '@chainrule/tensor';
import { Tokenizer as Pipeline } from '@huggingface/tokenizers';
import { z } from 'zod';
import { MAX_LENGTH, makeTokenizer, maxLengthSchema, parse, type Tokenizer } from './tokenizer.js';
import type { TokenizerFactory } from './tokenizer-from-config.js';

type JsonObject = { readonly [key: string]: Json };

export type HuggingFaceTokenizerConfig = {
  readonly type: 'huggingFaceTokenizer';
  readonly maxLength: number;
  /** Added to the file's own ids: 0 where its id 0 is the padding, else 1, so that 0 is free. */
  readonly offset: 0 | 1;
  /** The contents of `tokenizer.json`. */
  readonly tokenizer: JsonObject;
  /** The contents of `tokenizer_config.json`. */
  readonly settings: JsonObject;
};

export interface HuggingFaceTokenizerOptions {
  /**
   * Tokens of a row, those that mark begin and end included; default what the files say
   * (`truncation.max_length`, `model_max_length`), else 512.
   */
  readonly maxLength?: number;
  /** The contents of `tokenizer_config.json`, where there is one. */
  readonly settings?: unknown;
}

const where = 'encoders-text.huggingFaceTokenizer';
const id = z.number().int().min(0).max(2_000_000);
const object = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'must be an object',
);

/** What is relied on here; the rest is for the library to judge. */
const fileSchema = z.looseObject({
  model: z.looseObject({
    type: z.enum(['BPE', 'Unigram', 'WordPiece']).optional(),
    vocab: z.union([
      z.record(z.string(), id),
      z.array(z.tuple([z.string(), z.number()])).max(2_000_000),
    ]),
  }),
  added_tokens: z
    .array(
      z.looseObject({ id, content: z.string().min(1).max(1_000), special: z.boolean().optional() }),
    )
    .default([]),
  truncation: z.looseObject({ max_length: z.number() }).nullish(),
});

const configSchema = z.strictObject({
  type: z.literal('huggingFaceTokenizer'),
  maxLength: maxLengthSchema,
  offset: z.union([z.literal(0), z.literal(1)]),
  tokenizer: object,
  settings: object,
});

/** The library's tokenizer of a file; what it says of a broken one is the error's cause. */
function pipelineOf(tokenizer: JsonObject, settings: JsonObject): Pipeline {
  parse(fileSchema, where, tokenizer);
  const optional = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  try {
    return new Pipeline({ ...optional, added_tokens: [], ...tokenizer }, settings);
  } catch (error) {
    throw new ChainruleError(
      'TOKENIZER',
      `${where}: this is no tokenizer.json that can be read: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

function fromValid(config: HuggingFaceTokenizerConfig): Tokenizer<HuggingFaceTokenizerConfig> {
  const { offset } = config;
  const pipeline = pipelineOf(config.tokenizer, config.settings);
  // Without an unknown token, what the model does not know has no id: it is left out.
  const idsOf = (text: string, marks: boolean): number[] =>
    (pipeline.encode(text, { add_special_tokens: marks }).ids as (number | undefined)[])
      .filter((id) => id !== undefined)
      .map((id) => id + offset);

  // The marks of begin and end are the same around every text, and survive its being cut.
  const [bare, marked] = [idsOf('a', false), idsOf('a', true)];
  const begin = marked.findIndex((_, i) => bare.every((id, k) => marked[i + k] === id));
  const before = marked.slice(0, begin);
  const after = marked.slice(begin + bare.length);
  const vocabulary = namesOf(pipeline, offset);
  const unknown = pipeline.token_to_id((pipeline.model as { unk_token?: string }).unk_token ?? '');
  return makeTokenizer({
    config,
    vocabulary,
    ...(unknown === undefined ? {} : { nothing: unknown + offset }),
    ids(text, limit) {
      const room = Math.max(0, limit - before.length - after.length);
      return [...before, ...idsOf(text, false).slice(0, room), ...after].slice(0, limit);
    },
    text(ids) {
      const known = ids.filter((id) => vocabulary[id] !== undefined).map((id) => id - offset);
      return known.length === 0 ? '' : pipeline.decode(known, { skip_special_tokens: true });
    },
  });
}

/** Every token by its id; places without one have a name all the same. */
function namesOf(pipeline: Pipeline, offset: number): string[] {
  const names: string[] = offset === 0 ? [] : ['<padding>'];
  for (const [name, id] of pipeline.get_vocab()) names[id + offset] = name ?? undefined;
  return Array.from(names, (name, id) => name ?? `<unused ${id}>`);
}

/**
 * Any `tokenizer.json` of the Hugging Face Hub, read by the library `@huggingface/tokenizers` (an
 * optional peer dependency: install it beside this package). Texts get the marks that the file asks
 * for, such as BERT's `[CLS]` and `[SEP]`, which stay where a text is cut.
 *
 * Here id 0 is padding. Where the file's own id 0 is its padding token (BERT, T5), ids are the
 * file's. Where it is not (GPT-2, CLIP, RoBERTa), they are the file's plus 1, and
 * `config.offset` says so: subtract it before rows of a pretrained embedding are looked up.
 *
 * The file's regular expressions run as they are: read files of people you trust.
 *
 * @param file the parsed contents of `tokenizer.json`.
 * @throws ChainruleError `TOKENIZER` that says what is wrong with the file.
 * @example
 * const read = async (name: string) => JSON.parse(await readFile(`minilm/${name}`, 'utf8'));
 * const settings = await read('tokenizer_config.json');
 * const tokenizer = huggingFaceTokenizer(await read('tokenizer.json'), { settings });
 */
export function huggingFaceTokenizer(
  file: unknown,
  options: HuggingFaceTokenizerOptions = {},
): Tokenizer<HuggingFaceTokenizerConfig> {
  const tokenizer = parse(object, where, file);
  const settings = parse(object, `${where}: settings`, options.settings ?? {});
  const { truncation, added_tokens: added } = parse(fileSchema, where, tokenizer);
  const said = [truncation?.max_length, settings.model_max_length].find(
    (n): n is number => typeof n === 'number' && Number.isInteger(n) && n > 0 && n <= MAX_LENGTH,
  );
  const maxLength = parse(maxLengthSchema, `${where}: maxLength`, options.maxLength ?? said ?? 512);
  const first = pipelineOf(tokenizer, settings).id_to_token(0);
  const isSpecial = added.some(({ id, special }) => id === 0 && special === true);
  const isPadding =
    first === '[PAD]' || first === '<pad>' || (isSpecial && first === settings.pad_token);
  return fromValid({
    type: 'huggingFaceTokenizer',
    maxLength,
    offset: isPadding ? 0 : 1,
    tokenizer,
    settings,
  });
}

/**
 * For `tokenizerFromConfig`, which by itself does not load the library.
 *
 * @example
 * const tokenizer = tokenizerFromConfig(config, huggingFace);
 */
export const huggingFace: { readonly huggingFaceTokenizer: TokenizerFactory } = {
  huggingFaceTokenizer: (config) => fromValid(parse(configSchema, where, config)),
};
