import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learnMerges, merger } from '../src/bpe.js';
import { fitBpeTokenizer, tokenizerFromConfig } from '../src/index.js';

describe('learnMerges', () => {
  // Sennrich et al. (2016): low ×5, lower ×2, newest ×6, widest ×3.
  const letters = 'lowernstid';
  const tokens = (word: string) => Array.from(word, (letter) => letters.indexOf(letter));
  const words = () => [
    { tokens: tokens('low'), count: 5 },
    { tokens: tokens('lower'), count: 2 },
    { tokens: tokens('newest'), count: 6 },
    { tokens: tokens('widest'), count: 3 },
  ];
  const [l, o, w, e, , , s, t] = Array.from(letters, (_, i) => i) as [
    ...[number, number, number, number, number, number, number, number],
    ...number[],
  ];

  it('merges the commonest pair again and again', () => {
    // es 9, st 9 (es has the smaller ids), then est 9, lo 7, low 7.
    expect(learnMerges(words(), 10, { most: 4, minCount: 2 })).toEqual([
      [e, s],
      [10, t],
      [l, o],
      [12, w],
    ]);
  });

  it('stops where no pair is common enough', () => {
    expect(learnMerges(words(), 10, { most: 100, minCount: 7 })).toHaveLength(4);
    expect(learnMerges(words(), 10, { most: 0, minCount: 1 })).toEqual([]);
    expect(learnMerges([], 10, { most: 9, minCount: 1 })).toEqual([]);
  });

  it('agrees with counting all pairs anew each time', () => {
    const word = fc.record({
      tokens: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 12 }),
      count: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (words) => {
        const options = { most: 8, minCount: 2 };
        const copy = () => words.map(({ tokens, count }) => ({ tokens: [...tokens], count }));
        expect(learnMerges(copy(), 4, options)).toEqual(slowly(copy(), 4, options));
        expect(learnMerges(copy().reverse(), 4, options)).toEqual(learnMerges(copy(), 4, options));
      }),
    );
  });

  it('is how words are merged', () => {
    const merge = merger(learnMerges(words(), 10, { most: 100, minCount: 1 }), 10);
    expect(merge(tokens('low'))).toEqual([13]);
    expect(merge(tokens('lowest'))).toEqual([13, 11]);
  });
});

type Word = { tokens: number[]; count: number };
/** The definition, without any cleverness. */
function slowly(words: Word[], first: number, limits: { most: number; minCount: number }) {
  const merges: [number, number][] = [];
  while (merges.length < limits.most) {
    const counts = new Map<string, number>();
    for (const { tokens, count } of words) {
      for (let i = 1; i < tokens.length; i++) {
        const pair = `${tokens[i - 1]} ${tokens[i]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + count);
      }
    }
    const pairs = Array.from(counts, ([pair, n]) => [...pair.split(' ').map(Number), n]);
    pairs.sort(([a, b, n], [c, d, m]) => m! - n! || a! - c! || b! - d!);
    const best = pairs[0] as [number, number, number] | undefined;
    if (best === undefined || best[2] < limits.minCount) break;
    const id = first + merges.length;
    merges.push([best[0], best[1]]);
    for (const word of words) word.tokens = merger([[best[0], best[1]]], id)(word.tokens);
  }
  return merges;
}

describe('fitBpeTokenizer', () => {
  const texts = ['is there a red circle?', 'is there a red square?', 'the red triangle'];
  const tokenizer = fitBpeTokenizer(texts);

  it('makes tokens of what occurs often', () => {
    expect(tokenizer.vocabulary.slice(0, 2)).toEqual(['<padding>', '<unknown>']);
    expect(tokenizer.vocabulary[2 + 0x41]).toBe('A');
    expect(tokenizer.vocabulary[2 + 0xe2]).toBe('<0xE2>');
    expect(tokenizer.vocabulary).toContain(' red');
    expect(tokenizer.encode(' red')).toEqual([tokenizer.vocabulary.indexOf(' red')]);
    expect(tokenizer.maxLength).toBe(
      Math.max(...texts.map((text) => tokenizer.encode(text).length)),
    );
  });

  it('gives back any text, whatever it has seen', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const fitted = tokenizerFromConfig({ ...tokenizer.config, maxLength: 10_000 });
        const expected = text.toLowerCase().normalize('NFC');
        const ids = fitted.encode(text);
        if (expected !== '') expect(fitted.decode(ids)).toBe(expected);
        else expect(ids).toEqual([1]);
        expect(ids.every((id) => id > 0 && id < fitted.vocabulary.length)).toBe(true);
      }),
    );
  });

  it('gives the same ids for the same texts in any order, and is rebuilt from its config', () => {
    const reversed = fitBpeTokenizer([...texts].reverse());
    expect(reversed.config).toEqual(tokenizer.config);
    const again = tokenizerFromConfig(JSON.parse(JSON.stringify(tokenizer.config)));
    expect(again.vocabulary).toEqual(tokenizer.vocabulary);
    expect(again.encode(texts[0]!)).toEqual(tokenizer.encode(texts[0]!));
  });

  it('heeds its options', () => {
    expect(fitBpeTokenizer(texts, { maxVocabulary: 260 }).vocabulary).toHaveLength(260);
    expect(fitBpeTokenizer(texts, { minCount: 100 }).vocabulary).toHaveLength(258);
    const capitals = fitBpeTokenizer(['Red'], { lowercase: false, maxLength: 2 });
    expect(capitals.decode(capitals.encode('Red'))).toBe('Re');
    expect([...tokenizer.encodeBatch(['r', ''], { maxLength: 2 })]).toEqual([
      2 + 'r'.charCodeAt(0),
      0,
      1,
      0,
    ]);
  });

  it('takes no quadratic time for a text without spaces', () => {
    const long = 'a'.repeat(200_000);
    const fitted = fitBpeTokenizer([long], { maxLength: 65_536 });
    const start = performance.now();
    fitted.encode(long);
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  it('leaves out ids that it does not have', () => {
    expect(tokenizer.decode([2 + 0x61, 99_999, -1, 0, 1])).toBe('a');
  });

  it('says what is wrong with texts and options', () => {
    expect(() => fitBpeTokenizer([''])).toThrow('the texts are empty');
    expect(() => fitBpeTokenizer(['a'], { maxVocabulary: 100 })).toThrow(
      'maxVocabulary: Too small',
    );
  });

  const doubling = Array.from({ length: 40 }, (_, i) => {
    const id = i === 0 ? 2 : 257 + i;
    return [id, id];
  });
  it.each<[string, unknown, string]>([
    ['a merge of tokens to come', [[2, 258]], 'merges.0: [2, 258] names a token that comes later'],
    ['the padding', [[0, 2]], 'merges.0.0: Too small'],
    [
      'a merge twice',
      [
        [2, 3],
        [2, 3],
      ],
      'merges.1: [2, 3] stands there twice',
    ],
    ['tokens that double again and again', doubling, 'makes a token of more than 1024 bytes'],
    ['a fraction', [[2.5, 3]], 'merges.0.0: '],
    ['three parts', [[2, 3, 4]], 'merges.0: '],
  ])('rejects a config with %s', (_name, merges, message) => {
    const attempt = () => tokenizerFromConfig({ ...tokenizer.config, merges });
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code: 'TOKENIZER' }));
  });
});
