import { describe, expect, it } from 'vitest';
import { concat } from '../src/index.js';
import { emoji, emojiPairs, emojiSplit, iconPairs, icons, unrelatedPairs } from '../src/node.js';
import { grouped, messageOf } from './support.js';

describe('icons', () => {
  it('draws three sets, with names and tags', async () => {
    const { icons: all, skipped, licences } = await icons({ size: 32 });
    const counts = grouped(all, ({ set }) => set);
    expect(Array.from(counts, ([set, own]) => [set, own.length])).toEqual([
      ['tabler', 5233],
      ['lucide', 1908],
      ['mdi', 7447],
    ]);
    expect(skipped).toEqual([]);
    expect(Object.values(licences)).toEqual(['MIT', 'ISC', 'Apache-2.0']);
    for (const set of counts.keys()) {
      const camera = all.find((icon) => icon.set === set && icon.name === 'camera')!;
      expect(camera.tags.length).toBeGreaterThan(0);
      const pixels = await camera.read({ height: 32, width: 32, channels: 1, fit: 'fill' });
      const dark = pixels.filter((value) => value < 128).length / pixels.length;
      expect(dark, set).toBeGreaterThan(0.05);
      expect(dark, set).toBeLessThan(0.8);
      expect(pixels[0]).toBe(255);
    }
  });

  it('makes pairs that stand beside those of emoji', async () => {
    const options = { size: 32 } as const;
    const { icons: all } = await icons({ ...options, sets: ['lucide', 'tabler'] });
    const data = await emoji({ ...options, artists: ['noto'] });
    const first = emojiPairs(data, data.drawings);
    const pairs = concat('pairs', [first, iconPairs(all)]);
    expect(pairs.examples).toHaveLength(1594 + 5233 + 1908);
    expect(pairs.classes!.slice(0, 1594)).toEqual(first.classes);
    const cameras = pairs.examples.filter(({ label }) => label === 'icon/camera');
    expect(cameras.map(({ kind }) => kind)).toEqual(['lucide', 'tabler']);
    expect(cameras[0]!.captions![1]).toMatch(/^camera: /);
  });

  it('leaves out what names a concept of the test', async () => {
    const data = await emoji({ size: 32, artists: ['noto', 'fluent-flat'] });
    const { test } = emojiSplit(data, { by: 'both' });
    const pairs = iconPairs((await icons({ size: 32, sets: ['lucide', 'mdi'] })).icons);
    const extra = unrelatedPairs(pairs, test);
    expect(extra.classes).toBe(pairs.classes);
    expect(extra.examples.length).toBeGreaterThan(pairs.examples.length / 2);
    expect(extra.examples.length).toBeLessThan(pairs.examples.length);
    const names = new Set(test.map(({ concept }) => concept.name));
    const texts = ({ examples }: typeof pairs) => examples.map(({ inputs }) => inputs.text);
    expect(texts(pairs).filter((text) => names.has(text)).length).toBeGreaterThan(0);
    expect(texts(extra).filter((text) => names.has(text))).toEqual([]);
  });

  it('refuses what it does not know', async () => {
    expect(await messageOf(() => icons({ sets: ['feather'] as never }))).toBe(
      'data.icons: sets must be one or more of tabler, lucide, mdi, got "feather"',
    );
    expect(await messageOf(() => icons({ sets: [] }))).toContain('must be one or more of');
    expect(await messageOf(() => icons({ sets: ['mdi'], size: 7 }))).toContain('8 … 512, got 7');
  });
});

describe('concat', () => {
  it('refuses parts of different sorts', async () => {
    const message = await messageOf(() => concat('nothing', []));
    expect(message).toContain('"nothing" has no examples');
  });
});
