import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { disposeBatch, loader } from '../../src/index.js';
import {
  type Emoji,
  emoji,
  emojiCategories,
  emojiFamily,
  emojiMatching,
  emojiPairs,
  emojiSplit,
} from '../../src/node.js';
import { grouped, lengths, messageOf } from '../support.js';

let data: Emoji;
beforeAll(async () => {
  await tf.setBackend('cpu');
  data = await emoji({ size: 32, languages: ['en', 'de'] });
});

describe('emojiPairs', () => {
  it('pairs a drawing with its name, and numbers concepts alike in all parts', () => {
    const { train, test } = emojiSplit(data, { by: 'both' });
    const [a, b] = [emojiPairs(data, train), emojiPairs(data, test)];
    expect(a.examples).toHaveLength(train.length);
    expect(a.classes).toEqual(b.classes);
    const pair = a.examples.find(({ concept }) => concept.name === 'duck')!;
    expect(pair.inputs.text).toBe('duck');
    expect(a.classes![pair.concept.index]).toBe(pair.label);
    expect(pair.captions).toEqual(
      expect.arrayContaining(['duck', 'Ente', expect.stringMatching(/^Ente: /)]),
    );
    expect(new Set(pair.captions).size).toBe(pair.captions.length);
  });

  it('has only the captions that were asked for', () => {
    const options = { forms: ['name'], languages: ['de'] } as const;
    const [pair] = emojiPairs(data, data.drawings.slice(0, 1), options).examples;
    expect(pair!.captions).toEqual(['grinsendes Gesicht']);
    expect(pair!.inputs.text).toBe('grinsendes Gesicht');
  });

  it('has keywords of its own that no other concept has', () => {
    const { examples } = emojiPairs(data, data.drawings, { forms: ['keyword'] });
    const named = grouped(
      examples.flatMap(({ captions, label, concept }) =>
        captions.filter((text) => text !== concept.name).map((text) => ({ text, label })),
      ),
      ({ text }) => text,
    );
    const meanings = [...named].map(([, all]) => new Set(all.map(({ label }) => label)).size);
    // A word may be the keyword of one concept in English and of another in German.
    expect(meanings.filter((count) => count > 1).length / meanings.length).toBeLessThan(0.02);
  });

  it('comes with another caption in every epoch', async () => {
    const drawings = data.drawings.slice(0, 64);
    const pairs = emojiPairs(data, drawings);
    const texts = async (seed: number, epoch: number) => {
      const options = {
        batchSize: 64,
        captions: 'sample',
        tokenizer: lengths,
        shuffle: false,
      } as const;
      const batches = loader(pairs, { ...options, imageSize: [32, 32], seed });
      for await (const batch of batches.epoch(epoch)) {
        const rows = await batch.inputs.text!.array();
        const used = await batch.rows.text!.array();
        const target = await batch.target.array();
        disposeBatch(batch);
        expect(target).toEqual(drawings.map(({ concept }) => concept.index));
        return used.map((row) => (rows as number[][])[row]);
      }
      return [];
    };
    const first = await texts(1, 0);
    expect(await texts(1, 0)).toEqual(first);
    expect(await texts(1, 1)).not.toEqual(first);
    expect(await texts(2, 0)).not.toEqual(first);
  });
});

describe('emojiMatching', () => {
  it('has wrong names of the same subgroup that do not mean nearly the same', () => {
    const { train, test } = emojiSplit(data, { by: 'artist' });
    for (const [part, count] of [
      [train, 13908],
      [test, 6126],
    ] as const) {
      const { examples, classes } = emojiMatching(part);
      expect(classes).toEqual(['mismatch', 'match']);
      expect(examples).toHaveLength(count);
      for (const { label, drawn, named, inputs } of examples) {
        expect(inputs.text).toBe(named.words.en!.name);
        expect(named.subgroup).toBe(drawn.subgroup);
        if (label === 'match') expect(named).toBe(drawn);
        else expect(emojiFamily(named.id)).not.toBe(emojiFamily(drawn.id));
      }
    }
  });

  it('tells nothing by the drawing or by the name alone', () => {
    const drawings = data.drawings.filter(({ artist }) => artist === 'noto');
    const { examples } = emojiMatching(drawings, { rounds: 2 });
    for (const identity of ['drawn', 'named'] as const) {
      for (const all of grouped(examples, (one) => one[identity].id).values()) {
        expect(all.filter(({ label }) => label === 'match').length).toBe(all.length / 2);
      }
    }
  });

  it('follows the seed, and speaks the languages that were loaded', async () => {
    const drawings = data.drawings.slice(0, 300);
    const texts = (seed: number) =>
      emojiMatching(drawings, { seed }).examples.map(({ inputs }) => inputs.text);
    expect(texts(1)).toEqual(texts(1));
    expect(texts(1)).not.toEqual(texts(2));
    const german = emojiMatching(drawings, { language: 'de' }).examples[0]!;
    expect(german.inputs.text).toBe(german.named.words.de!.name);
    expect(await messageOf(() => emojiMatching(drawings, { language: 'fr' }))).toContain(
      'the language "fr" was not loaded',
    );
  });
});

describe('emojiCategories', () => {
  it('has groups or subgroups as classes', () => {
    const { train, test } = emojiSplit(data, { by: 'both' });
    const groups = emojiCategories(data, train);
    expect(groups.classes).toHaveLength(9);
    expect(emojiCategories(data, test).classes).toEqual(groups.classes);
    expect(groups.modalities).toEqual(['image']);
    expect(emojiCategories(data, train, { level: 'subgroup' }).classes).toHaveLength(95);
  });
});
