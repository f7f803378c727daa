import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitCharacterTokenizer, tokenizerFromConfig } from '../src/index.js';

describe('fitCharacterTokenizer', () => {
  const tokenizer = fitCharacterTokenizer(['Ab a', 'b?']);

  it('orders ids by count, then by code units', () => {
    expect(tokenizer.vocabulary).toEqual(['<padding>', '<unknown>', 'a', 'b', ' ', '?']);
    expect(tokenizer.maxLength).toBe(4);
  });

  it('encodes and decodes', () => {
    expect(tokenizer.encode('A?c')).toEqual([2, 5, 1]);
    expect(tokenizer.encode('')).toEqual([1]);
    expect([...tokenizer.encodeBatch(['ab', ''], { maxLength: 3 })]).toEqual([2, 3, 0, 1, 0, 0]);
    expect(tokenizer.decode([2, 5, 1, 0])).toBe('a?\uFFFD');
    expect(tokenizer.decode([99])).toBe('\uFFFD');
  });

  it('takes code points of composed text, and no halves of them', () => {
    const fitted = fitCharacterTokenizer(['🙂e\u0301', '\uD83D'], { lowercase: false });
    expect(fitted.vocabulary.slice(2)).toEqual(['é', '🙂', '\uFFFD']);
  });

  it('gives back any text, and is rebuilt from its config', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
        const fitted = fitCharacterTokenizer([text], { lowercase: false });
        expect(fitted.decode(fitted.encode(text))).toBe(text.normalize('NFC'));
        const again = tokenizerFromConfig(JSON.parse(JSON.stringify(fitted.config)));
        expect(again.config).toEqual(fitted.config);
        expect(again.encode(text)).toEqual(fitted.encode(text));
      }),
    );
  });

  it('keeps the commonest characters', () => {
    const kept = (options: object) =>
      fitCharacterTokenizer(['bbbaac'], options).vocabulary.slice(2);
    expect(kept({ minCount: 2 })).toEqual(['b', 'a']);
    expect(kept({ maxVocabulary: 1 })).toEqual(['b']);
  });

  it('says what is wrong with texts, options and configs', () => {
    expect(() => fitCharacterTokenizer(['', ''])).toThrow('the texts are empty');
    expect(() => fitCharacterTokenizer(['a'], { minCount: 0 })).toThrow('minCount: Too small');
    const good = { type: 'characterTokenizer', lowercase: true, maxLength: 4, characters: ['a'] };
    for (const wrong of [
      { characters: ['ab'] },
      { characters: [''] },
      { characters: ['a', 'a'] },
      { maxLength: 0 },
      { words: [] },
    ]) {
      expect(() => tokenizerFromConfig({ ...good, ...wrong })).toThrow(
        expect.objectContaining({ code: 'TOKENIZER' }),
      );
    }
  });
});
