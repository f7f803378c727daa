import { loadFixture } from '@chainrule/testing';
import { describe, expect, it } from 'vitest';
import { huggingFace, huggingFaceTokenizer } from '../src/huggingface.js';
import { tokenizerFromConfig } from '../src/index.js';

interface Case {
  name: string;
  tokenizer: { model: { vocab: { [token: string]: number } }; added_tokens: object[] };
  rows: { text: string; ids: number[]; decoded: string }[];
  cut: { [length: string]: number[] };
}
const { cases } = loadFixture<{ cases: Case[] }>(import.meta.url, 'huggingface.json');
// Python's does not clean spaces before punctuation up unless it is asked to.
const settings = { clean_up_tokenization_spaces: false };

describe.each(cases)('$name', ({ name, tokenizer: file, rows, cut }) => {
  const tokenizer = huggingFaceTokenizer(file, { settings });
  const { offset } = tokenizer.config;

  it('keeps 0 for padding', () => {
    expect(offset).toBe(name === 'byte-level BPE' ? 1 : 0);
    expect(tokenizer.vocabulary[0]).toBe(
      { WordPiece: '[PAD]', 'byte-level BPE': '<padding>', Unigram: '<pad>' }[name],
    );
  });

  it.each(rows)('reads $text as Python does', ({ text, ids, decoded }) => {
    const found = tokenizer.encode(text);
    expect(found.map((id) => id - offset)).toEqual(ids);
    expect(tokenizer.decode(found).trim()).toBe(decoded.trim());
    expect(found.every((id) => tokenizer.vocabulary[id] !== undefined)).toBe(true);
  });

  it('cuts a text and keeps the marks of its begin and end', () => {
    const { text } = rows[6]!;
    for (const [length, expected] of Object.entries(cut)) {
      const short = huggingFaceTokenizer(file, { maxLength: Number(length) });
      expect(short.encode(text).map((id) => id - offset)).toEqual(expected);
      expect(tokenizer.encodeBatch([text], { maxLength: Number(length) })).toEqual(
        Int32Array.from(short.encode(text)),
      );
    }
    expect(huggingFaceTokenizer(file, { maxLength: 1 }).encode(text)).toHaveLength(1);
  });

  it('is rebuilt from its config, which is plain JSON', () => {
    const config = JSON.parse(JSON.stringify(tokenizer.config));
    const again = tokenizerFromConfig(config, huggingFace);
    expect(again.config).toEqual(tokenizer.config);
    expect(again.vocabulary).toEqual(tokenizer.vocabulary);
    for (const { text } of rows) expect(again.encode(text)).toEqual(tokenizer.encode(text));
    expect(() => tokenizerFromConfig(config)).toThrow('needs `huggingFace`');
  });
});

describe('huggingFaceTokenizer', () => {
  const [{ tokenizer: file }] = cases as [Case];

  it('takes the length from options, else from the files', () => {
    const length = (truncation: unknown, settings?: unknown) =>
      huggingFaceTokenizer({ ...file, truncation }, { settings }).maxLength;
    expect(length(null)).toBe(512);
    expect(length({ max_length: 128 }, { model_max_length: 256 })).toBe(128);
    expect(length(null, { model_max_length: 256 })).toBe(256);
    expect(length(null, { model_max_length: 1e30 })).toBe(512);
    expect(huggingFaceTokenizer(file, { maxLength: 9 }).maxLength).toBe(9);
  });

  it.each<[string, unknown, string]>([
    ['no object', 'tokenizer', 'must be an object'],
    ['no model', {}, 'model: '],
    ['a model without a vocabulary', { model: { type: 'BPE' } }, 'model.vocab: '],
    ['an id that is a text', { model: { vocab: { a: 'b' } } }, 'model.vocab'],
    ['an enormous id', { model: { vocab: { a: 1e12 } } }, 'model.vocab'],
    [
      'an enormous id of an added token',
      { ...file, added_tokens: [{ id: 1e12, content: 'x' }] },
      'added_tokens.0.id: Too big',
    ],
    ['an unknown model', { model: { type: 'Neural', vocab: {} } }, 'model.type: '],
    [
      'an unknown normalizer',
      { ...file, normalizer: { type: 'Shout' } },
      'this is no tokenizer.json that can be read',
    ],
  ])('rejects %s', (_name, broken, message) => {
    const attempt = () => huggingFaceTokenizer(broken);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code: 'TOKENIZER' }));
  });

  it('rejects a config that was tampered with', () => {
    const { config } = huggingFaceTokenizer(file);
    for (const wrong of [{ offset: 2 }, { maxLength: 1e9 }, { tokenizer: [] }, { extra: 1 }]) {
      const attempt = () => tokenizerFromConfig({ ...config, ...wrong }, huggingFace);
      expect(attempt).toThrow(expect.objectContaining({ code: 'TOKENIZER' }));
    }
  });

  it('decodes ids that it does not have as nothing', () => {
    const tokenizer = huggingFaceTokenizer(file);
    expect(tokenizer.decode([0, 99_999])).toBe('');
  });
});
