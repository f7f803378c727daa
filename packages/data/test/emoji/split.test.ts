import { beforeAll, describe, expect, it } from 'vitest';
import { NEAR_DUPLICATES } from '../../src/emoji/near-duplicates.js';
import {
  type Emoji,
  type EmojiDrawing,
  emoji,
  emojiFamily,
  emojiSplit,
  sha256,
} from '../../src/node.js';
import { messageOf } from '../support.js';

let data: Emoji;
beforeAll(async () => {
  data = await emoji({ size: 32 });
});

const conceptsOf = (part: readonly EmojiDrawing[]) =>
  new Set(part.map(({ concept }) => concept.id));
const artistsOf = (part: readonly EmojiDrawing[]) => [...new Set(part.map(({ artist }) => artist))];
const of = (part: readonly EmojiDrawing[], artist: string) =>
  part.filter((one) => one.artist === artist);

describe('emojiFamily', () => {
  it('is the committed list', () => {
    expect(sha256(Buffer.from(NEAR_DUPLICATES))).toBe(
      '9f1e38c3127a1e42a71b5f3335d0c1b4bd14bcaf17974d1b6fac706fe8c81305',
    );
    const ids = NEAR_DUPLICATES.trim().split(/\s+/);
    expect(ids).toHaveLength(513);
    expect(new Set(ids).size).toBe(513);
    const known = new Set(data.concepts.map(({ id }) => id));
    expect(ids.filter((id) => !known.has(id))).toEqual([]);
    expect(new Set(data.concepts.map(({ id }) => emojiFamily(id))).size).toBe(1260);
  });

  it('links names that mean nearly the same', () => {
    const id = (name: string) => data.concepts.find((concept) => concept.name === name)!.id;
    expect(emojiFamily(id('two o’clock'))).toBe(emojiFamily(id('three o’clock')));
    expect(emojiFamily(id('grinning face with big eyes'))).toBe(id('grinning face'));
    expect(emojiFamily(id('crocodile'))).toBe(id('crocodile'));
  });
});

describe('emojiSplit', () => {
  it('holds out artists: task A', () => {
    const { train, test, digest } = emojiSplit(data, { by: 'artist' });
    expect(artistsOf(train)).toEqual(['twemoji', 'noto', 'openmoji', 'noto-v1', 'emojione']);
    expect(artistsOf(test)).toEqual(['fluent-flat', 'fluent-3d']);
    expect(of(test, 'fluent-flat')).toHaveLength(1561);
    expect(of(test, 'fluent-3d')).toHaveLength(1538);
    const seen = conceptsOf(train);
    expect(test.every(({ concept }) => seen.has(concept.id))).toBe(true);
    expect(digest).toBe('6be3b0ddec78106516d89b4b6e1cee3173d94f6b810ecd2819df5418e7f8c004');
  });

  it.each([
    [0, '99dbd6bf26bb316821c78d24db55d29b557693280087a6f93c486649376439ff'],
    [1, 'ef8ac1a6fd35195627328b7c05c2d18879658f458512a758e058839f8751e169'],
    [2, 'd93f02d0a25a9ee6f502f80ee4573c27906bccdb8e297ea4f49e2a6b0b835da1'],
  ])('holds out artists and concepts: task B, seed %i', (seed, expected) => {
    const { train, test, digest } = emojiSplit(data, { by: 'both', seed });
    expect(of(test, 'fluent-flat')).toHaveLength(307);
    expect(artistsOf(train)).toHaveLength(5);
    const seen = new Set([...conceptsOf(train)].map(emojiFamily));
    const leaked = [...conceptsOf(test)].filter((id) => seen.has(emojiFamily(id)));
    expect(leaked).toEqual([]);
    expect(digest).toBe(expected);
  });

  it('would leak many names if concepts were held out one by one', () => {
    const { test } = emojiSplit(data, { by: 'both' });
    const agreed = data.concepts.filter((concept) => concept.agreed);
    // Every fifth, whatever its family.
    const naive = agreed.filter((_, i) => i % 5 === 0);
    const rest = new Set(agreed.filter((_, i) => i % 5 !== 0).map(({ id }) => emojiFamily(id)));
    const leaked = naive.filter(({ id }) => rest.has(emojiFamily(id))).length / naive.length;
    expect(leaked).toBeGreaterThan(0.25);
    expect(test.length).toBeGreaterThan(0);
  });

  it('holds out concepts alone', () => {
    const { train, test } = emojiSplit(data, { by: 'concept', seed: 3, concepts: 100 });
    expect(of(test, 'noto')).toHaveLength(100);
    expect(artistsOf(test)).toEqual(artistsOf(train));
    const seen = conceptsOf(train);
    expect(test.some(({ concept }) => seen.has(concept.id))).toBe(false);
  });

  it('splits a training part again, to choose settings without the test', () => {
    const outer = emojiSplit(data, { by: 'both', seed: 1 });
    const { train, test } = emojiSplit(data, {
      ...({ by: 'both', seed: 1, heldOut: ['openmoji'], concepts: 200 } as const),
      drawings: outer.train,
    });
    expect(test).toHaveLength(200);
    expect(artistsOf(test)).toEqual(['openmoji']);
    expect(artistsOf(train)).toEqual(['twemoji', 'noto', 'noto-v1', 'emojione']);
    const families = new Set([...conceptsOf(outer.test)].map(emojiFamily));
    const inner = [...conceptsOf(train), ...conceptsOf(test)].map(emojiFamily);
    expect(inner.some((family) => families.has(family))).toBe(false);
  });

  it('does not depend on which artists were loaded', async () => {
    const few = await emoji({ size: 32, artists: ['openmoji', 'fluent-flat'] });
    const gallery = (from: Emoji) =>
      of(emojiSplit(from, { by: 'both', seed: 1 }).test, 'fluent-flat').map(({ id }) => id);
    expect(gallery(few)).toEqual(gallery(data));
  });

  it('depends on the seed and on nothing else', () => {
    const once = emojiSplit(data, { by: 'both', seed: 7 });
    expect(emojiSplit(data, { by: 'both', seed: 7 }).digest).toBe(once.digest);
    expect(emojiSplit(data, { by: 'both', seed: 8 }).digest).not.toBe(once.digest);
  });

  it('refuses what can not be', async () => {
    const split = (options: Parameters<typeof emojiSplit>[1]) =>
      messageOf(() => emojiSplit(data, options));
    expect(await split({ by: 'artist', heldOut: [...data.artists] })).toContain(
      'some must be held out and some not',
    );
    expect(await split({ by: 'artist', heldOut: ['nato'] as never })).toContain('"noto"');
    expect(await split({ by: 'both', concepts: 1561 })).toContain('hold out fewer');
    expect(await split({ by: 'both', concepts: 0 })).toContain('hold out fewer');
  });
});
