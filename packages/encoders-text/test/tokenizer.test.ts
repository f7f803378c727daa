import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fitWordTokenizer,
  tokenizerFromConfig,
  type WordTokenizerOptions,
  words,
} from '../src/index.js';

describe('words', () => {
  it.each([
    ['Is there a circle?', ['is', 'there', 'a', 'circle']],
    ["don't — it’s 'quoted'", ["don't", "it's", 'quoted']],
    ['图片里有一个circle吗？', ['图', '片', '里', '有', '一', '个', 'circle', '吗']],
    ['CAFÉ cafe\u0301', ['café', 'café']],
    ['Что это? 3 кота', ['что', 'это', '3', 'кота']],
    ['', []],
    ['?! 🙂', []],
    ['ผ้ำ ที่', ['ผ้', 'ำ', 'ที่']],
    ['カー', ['カ', 'ー']],
    ['snake_case x-ray 3.14', ['snake', 'case', 'x', 'ray', '3', '14']],
    ['\u0301', []],
  ])('%s', (text, expected) => {
    expect(words(text)).toEqual(expected);
  });
});

describe('fitWordTokenizer', () => {
  const tokenizer = fitWordTokenizer(['is there a circle?', 'what color is the circle?']);

  it('orders ids by count, then by code units', () => {
    expect(tokenizer.vocabulary).toEqual([
      '<padding>',
      '<unknown>',
      'circle',
      'is',
      'a',
      'color',
      'the',
      'there',
      'what',
    ]);
  });

  it('encodes', () => {
    expect(tokenizer.encode('is there a square?')).toEqual([3, 7, 4, 1]);
    expect(tokenizer.encode('')).toEqual([1]);
    expect([...tokenizer.encodeBatch(['a circle', ''], { maxLength: 3 })]).toEqual([
      4, 2, 0, 1, 0, 0,
    ]);
    expect(tokenizer.decode([3, 7, 4, 1, 0])).toBe('is there a <unknown>');
  });

  it('is rebuilt from its config, which is plain JSON', () => {
    const again = tokenizerFromConfig(JSON.parse(JSON.stringify(tokenizer.config)));
    expect(again.config).toEqual(tokenizer.config);
    expect(again.vocabulary).toEqual(tokenizer.vocabulary);
    expect(again.encode('what is a circle')).toEqual(tokenizer.encode('what is a circle'));
  });

  it('gives the same ids for the same texts in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), (texts) => {
        fc.pre(texts.some((text) => words(text).length > 0));
        const [a, b] = [texts, [...texts].reverse()].map((list) => fitWordTokenizer(list));
        expect(a!.config).toEqual(b!.config);
      }),
    );
  });

  it('gives back every word that it knows, and a full row for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 9 }), (text, n) => {
        const known = words(text);
        fc.pre(known.length > 0);
        const fitted = fitWordTokenizer([text]);
        expect(fitted.decode(fitted.encode(text))).toBe(known.join(' '));
        const row = fitted.encodeBatch([text], { maxLength: n });
        expect(row.length).toBe(n);
        expect(row[0]).toBeGreaterThan(0);
      }),
    );
  });

  it('keeps the commonest words', () => {
    const texts = ['b b b a a c', 'd'];
    const kept = (options: WordTokenizerOptions) =>
      fitWordTokenizer(texts, options).vocabulary.slice(2);
    expect(kept({ minCount: 2 })).toEqual(['b', 'a']);
    expect(kept({ maxVocabulary: 3 })).toEqual(['b', 'a', 'c']);
  });

  it('keeps capitals where asked', () => {
    const fitted = fitWordTokenizer(['Red red'], { lowercase: false });
    expect(fitted.vocabulary.slice(2)).toEqual(['Red', 'red']);
  });

  it('cuts a long text at maxLength', () => {
    const fitted = fitWordTokenizer(['a b c', 'a b'], { maxLength: 2 });
    expect(fitted.encode('c b a')).toHaveLength(2);
    expect(fitted.encodeBatch(['c b a', 'a'])).toHaveLength(4);
    expect(tokenizer.maxLength).toBe(5);
  });

  it('knows words that are names of object members', () => {
    const fitted = fitWordTokenizer(['constructor __proto__ toString']);
    expect(fitted.encode('constructor valueOf')).toEqual([
      fitted.vocabulary.indexOf('constructor'),
      1,
    ]);
  });

  it('decodes ids that it does not have as unknown', () => {
    expect(tokenizer.decode([2, 999, -1])).toBe('circle <unknown> <unknown>');
  });

  it('says what is wrong with texts and options', () => {
    expect(() => fitWordTokenizer([])).toThrow('the texts hold no word');
    expect(() => fitWordTokenizer(['?!'])).toThrow('the texts hold no word');
    expect(() => fitWordTokenizer(['a'], { minCount: 0 })).toThrow(
      'encoders-text.fitWordTokenizer: minCount: Too small',
    );
    expect(() => tokenizer.encodeBatch(['a'], { maxLength: 0 })).toThrow(
      'maxLength must be a positive integer, got 0',
    );
  });
});

describe('tokenizerFromConfig', () => {
  const good = { type: 'wordTokenizer', lowercase: true, maxLength: 4, words: ['a', 'b'] };

  it.each<[string, unknown, string]>([
    ['no object', null, 'expected object'],
    ['no type', { ...good, type: 3 }, 'type: '],
    ['a word twice', { ...good, words: ['a', 'b', 'a'] }, 'words: "a" stands there twice'],
    ['an empty word', { ...good, words: ['a', ''] }, 'words.1: Too small'],
    ['a word that is no string', { ...good, words: [{}] }, 'words.0: '],
    ['a word of a million letters', { ...good, words: ['a'.repeat(1e6)] }, 'words.0: Too big'],
    ['a huge length', { ...good, maxLength: 1e9 }, 'maxLength: Too big'],
    ['a fractional length', { ...good, maxLength: 1.5 }, 'maxLength: '],
    ['an unknown key', { ...good, extra: 1 }, 'Unrecognized key: "extra"'],
    ['a missing key', { ...good, lowercase: undefined }, 'lowercase: '],
  ])('rejects %s', (_name, config, message) => {
    const attempt = () => tokenizerFromConfig(config);
    expect(attempt).toThrow('encoders-text.tokenizerFromConfig: ');
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code: 'TOKENIZER' }));
  });

  it('suggests the nearest of the types', () => {
    expect(() => tokenizerFromConfig({ ...good, type: 'wordTokeniser' })).toThrow(
      'unknown name "wordTokeniser". Did you mean "wordTokenizer"?',
    );
    expect(() => tokenizerFromConfig({ type: 'constructor' })).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_NAME' }),
    );
  });

  it('accepts a vocabulary without words: everything is unknown', () => {
    expect(tokenizerFromConfig({ ...good, words: [] }).encode('a b')).toEqual([1, 1]);
  });
});
