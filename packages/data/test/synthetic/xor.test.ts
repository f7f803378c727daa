import { describe, expect, it } from 'vitest';
import { xorOfModalities } from '../../src/index.js';
import { grouped } from '../support.js';

const size = { height: 4, width: 4, channels: 3, fit: 'fill' } as const;
const bright = new Set(['bright', 'noon', 'snow', 'lamp']);

describe('xorOfModalities', () => {
  const { train, test } = xorOfModalities({ seed: 2, examples: { train: 400, test: 40 } });

  it('says "same" where picture and words agree', () => {
    for (const { inputs, label, bits } of [...train.examples, ...test.examples]) {
      const pixels = inputs.image.read(size) as Uint8Array;
      const light = pixels.reduce((sum, value) => sum + value, 0) / pixels.length > 127.5;
      const words = inputs.text.split(' ').map((word) => bright.has(word));
      expect(new Set(words).size).toBe(1);
      expect(bits).toEqual([Number(light), Number(words[0])]);
      expect(label).toBe(light === words[0] ? 'same' : 'different');
    }
  });

  it('has each combination equally often, so that one modality tells nothing', () => {
    const counts = grouped(train.examples, ({ bits }) => bits.join());
    expect([...counts.values()].map(({ length }) => length)).toEqual([100, 100, 100, 100]);
  });

  it('depends on the seed alone', () => {
    const texts = (seed: number) =>
      xorOfModalities({ seed, examples: { train: 50, test: 1 } }).train.examples.map(
        ({ inputs }) => inputs.text,
      );
    expect(texts(2)).toEqual(train.examples.slice(0, 50).map(({ inputs }) => inputs.text));
    expect(texts(3)).not.toEqual(texts(2));
  });

  it('refuses numbers of examples that are none', () => {
    expect(() => xorOfModalities({ examples: { train: 4, test: 0 } })).toThrow(
      'examples.test must be a positive integer, got 0',
    );
  });
});
