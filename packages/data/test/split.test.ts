import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dataset, type SplitName, split } from '../src/index.js';
import { messageOf, questions } from './support.js';

describe('split', () => {
  it('puts every example in one part and every image on one side', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 40 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(1000),
        (images, each, seed) => {
          const whole = questions(images * each, images);
          const parts = Object.values(split(whole, { seed }));
          expect(parts).toHaveLength(3);
          expect(parts.flatMap((part) => part.examples)).toHaveLength(whole.examples.length);
          const sides = parts.map(
            (part) => new Set(part.examples.map(({ inputs }) => inputs.image!.id)),
          );
          expect(sides.reduce((sum, side) => sum + side.size, 0)).toBe(images);
          for (const part of parts) expect(part.classes).toBe(whole.classes);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('meets the fractions, and the seed decides', () => {
    const whole = questions(600, 200);
    const fractions = { train: 0.9, test: 0.1 };
    const { train, test, validation } = split(whole, { fractions, seed: 1 });
    expect(train.examples).toHaveLength(540);
    expect(test?.examples).toHaveLength(60);
    expect(validation).toBeUndefined();
    expect(train.name).toBe('questions (train)');
    expect(split(whole, { fractions, seed: 1 }).test?.examples).toEqual(test?.examples);
    expect(split(whole, { fractions, seed: 2 }).test?.examples).not.toEqual(test?.examples);
  });

  it('follows the split that the examples name', () => {
    const named = ['train', 'test', 'train'].map((part, i) => ({
      inputs: { text: `${i}` },
      label: 'x',
      split: part as SplitName,
    }));
    const parts = split(dataset({ name: 'named', examples: named }));
    expect(parts.train.examples).toEqual([named[0], named[2]]);
    expect(parts.test?.examples).toEqual([named[1]]);
  });

  it('says what is wrong', async () => {
    const fail = (fractions: { train: number; test?: number }) =>
      messageOf(() => split(questions(9, 9), { fractions }));
    expect(await fail({ train: 0.9 })).toContain('add up to 1');
    expect(await fail({ train: 2, test: -1 })).toContain('must be positive');
    expect(await messageOf(() => split(questions(9, 2)))).toBe(
      'data.split: questions: 3 parts (train, validation, test) need at least 3 distinct images, got 2; add data or ask for fewer parts',
    );
    const some = dataset({
      name: 'some',
      examples: [
        { inputs: { text: 'a' }, label: 'x', split: 'test' as const },
        { inputs: { text: 'b' }, label: 'x' },
      ],
    });
    expect(await messageOf(() => split(some))).toContain(
      '1 of 2 examples name their split and example 1 does not',
    );
    const tests = dataset({ name: 'tests', examples: some.examples.slice(0, 1) });
    expect(await messageOf(() => split(tests))).toContain('no example is for training');
  });
});
