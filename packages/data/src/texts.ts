import { bits, ChainruleError, key, split } from '@chainrule/tensor';
import type { Example } from './dataset.js';
import { distinct } from './distinct.js';

/** The part of a tokenizer that a loader needs: ids from 1 on; 0 is padding. */
export interface TextTokenizer {
  encode(text: string): readonly number[];
}

/** All distinct texts as one int32 table `[texts, maxLength]`, filled up with 0. */
export interface EncodedTexts {
  readonly ids: Int32Array;
  readonly maxLength: number;
}

/** The distinct texts, and which one each example has in an epoch. */
export interface TextColumns {
  readonly values: readonly string[];
  column(epoch: number): Int32Array;
}

/** The examples' own texts, or with `sample` one of their captions, drawn anew in every epoch. */
export function textColumns(
  examples: readonly Example[],
  sample: boolean,
  seed: number,
): TextColumns {
  const lists = examples.map(({ inputs, captions }) =>
    sample && captions !== undefined ? captions : [inputs.text!],
  );
  const { values, ids } = distinct(lists.flat(), (text) => text);
  if (values.length === 0 || !sample) return { values, column: () => ids };
  const starts = new Int32Array(lists.length);
  lists.reduce((start, list, i) => {
    starts[i] = start;
    return start + list.length;
  }, 0);
  const source = split(key(seed), 'captions');
  let last: { epoch: number; ids: Int32Array } | undefined;
  return {
    values,
    column(epoch) {
      if (last?.epoch !== epoch) {
        const drawn = bits(split(source, epoch), lists.length);
        last = {
          epoch,
          ids: starts.map((start, i) => ids[start + (drawn[i]! % lists[i]!.length)]!),
        };
      }
      return last.ids;
    },
  };
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
