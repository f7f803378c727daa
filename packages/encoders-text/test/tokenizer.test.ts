import { describe, expect, it } from 'vitest';
import { fitWordTokenizer, tokenizerFromConfig, words } from '../src/index.js';

describe('words', () => {
  it.each([
    ['Is there a circle?', ['is', 'there', 'a', 'circle']],
    ["don't — it’s 'quoted'", ["don't", "it's", 'quoted']],
    ['图片里有一个circle吗？', ['图', '片', '里', '有', '一', '个', 'circle', '吗']],
    ['CAFÉ cafe\u0301', ['café', 'café']],
    ['Что это? 3 кота', ['что', 'это', '3', 'кота']],
    ['', []],
    ['?! 🙂', []],
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

  it('is rebuilt from its config', () => {
    const again = tokenizerFromConfig(JSON.parse(JSON.stringify(tokenizer.config)));
    expect(again.config).toEqual(tokenizer.config);
  });
});
