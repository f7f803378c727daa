import { ChainruleError } from '@chainrule/tensor';

/** The part of a tokenizer that a loader needs: ids from 1 on; 0 is padding. */
export interface TextTokenizer {
  encode(text: string): readonly number[];
}

/** All distinct texts as one int32 table `[texts, maxLength]`, filled up with 0. */
export interface EncodedTexts {
  readonly ids: Int32Array;
  readonly maxLength: number;
}

export function encodeTexts(
  texts: readonly string[],
  tokenizer: TextTokenizer | undefined,
  wanted: number | undefined,
): EncodedTexts {
  if (tokenizer === undefined) {
    throw new ChainruleError(
      'DATA_OPTIONS',
      'data.loader: the data has texts, but no tokenizer was given; pass one, such as wordTokenizer from @chainrule/encoders-text',
    );
  }
  const encoded = texts.map((text) => tokenizer.encode(text));
  // At least one column, so that a data set of empty texts still has a shape.
  const longest = encoded.reduce((most, tokens) => Math.max(most, tokens.length), 1);
  const maxLength = wanted ?? longest;
  if (!Number.isInteger(maxLength) || maxLength < 1) {
    throw new ChainruleError(
      'DATA_OPTIONS',
      `data.loader: maxLength must be an integer of at least 1, got ${maxLength}`,
    );
  }
  const ids = new Int32Array(texts.length * maxLength);
  encoded.forEach((tokens, row) => {
    ids.set(tokens.slice(0, maxLength), row * maxLength);
  });
  return { ids, maxLength };
}
