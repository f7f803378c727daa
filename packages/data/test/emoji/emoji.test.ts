import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  cacheFolder,
  type Emoji,
  type EmojiArtist,
  type EmojiDrawing,
  emoji,
  sha256,
} from '../../src/node.js';
import { grouped, messageOf, temporaryFolder } from '../support.js';

const at = { height: 32, width: 32, channels: 3, fit: 'fill' } as const;
const cache = temporaryFolder();
let data: Emoji;
beforeAll(async () => {
  data = await emoji({ size: 32, languages: ['en', 'de', 'zh'] });
});

const find = (name: string) => data.concepts.find((concept) => concept.name === name)!;

describe('emoji', () => {
  it('has the concepts that all four main sets draw', () => {
    const { concepts } = data;
    expect(concepts).toHaveLength(1594);
    expect(concepts.filter(({ agreed }) => agreed)).toHaveLength(1561);
    expect(new Set(concepts.map(({ id }) => id)).size).toBe(1594);
    expect(new Set(concepts.map(({ name }) => name)).size).toBe(1594);
    expect(concepts.map(({ index }) => index)).toEqual(concepts.map((_, i) => i));
    expect(new Set(concepts.map(({ group }) => group)).size).toBe(9);
    expect(new Set(concepts.map(({ subgroup }) => subgroup)).size).toBe(95);
    expect(concepts[0]).toMatchObject({
      id: '1f600',
      character: '😀',
      name: 'grinning face',
      group: 'smileys-emotion',
      subgroup: 'face-smiling',
      agreed: true,
    });
  });

  it('counts what each artist drew', () => {
    const own = grouped(data.drawings, ({ artist }) => artist);
    expect(Object.fromEntries(Array.from(own, ([artist, all]) => [artist, all.length]))).toEqual({
      twemoji: 1594,
      noto: 1594,
      openmoji: 1594,
      'noto-v1': 1186,
      emojione: 1087,
      'fluent-flat': 1594,
      'fluent-3d': 1570,
    });
    expect(data.skipped).toEqual([]);
    expect(new Set(data.drawings.map(({ id }) => id)).size).toBe(data.drawings.length);
  });

  it('knows of few drawings that an artist gave to two concepts', async () => {
    const doubles = async (artist: EmojiArtist) => {
      const own = data.drawings.filter((one) => one.artist === artist);
      const pixels = await Promise.all(own.map(async (one) => sha256(await one.rgba())));
      return pixels.length - new Set(pixels).size;
    };
    const counts = await Promise.all(data.artists.map(doubles));
    // Such as the astronaut, who looks the same as the woman astronaut and the man.
    expect(counts).toEqual([0, 2, 24, 33, 0, 1, 1]);
  });

  it('has words in several languages', () => {
    const { words } = find('crocodile');
    expect(words.en!.name).toBe('crocodile');
    expect(words.de!.name).toBe('Krokodil');
    expect(words.zh!.name).toBe('鳄鱼');
    for (const { words } of data.concepts) {
      for (const language of data.languages) expect(words[language]!.name).not.toBe('');
    }
    const cat = find('cat').words.de!;
    expect(cat.keywords).toContain('haustier');
  });

  it('names the licences of what was used', () => {
    const names = Object.values(data.licences).map(({ name }) => name);
    expect(Object.keys(data.licences)).toHaveLength(8);
    expect(new Set(names)).toEqual(new Set(['MIT', 'CC-BY-4.0', 'Apache-2.0', 'CC-BY-SA-4.0']));
  });

  it('draws in the right colours', async () => {
    const mean = async (artist: EmojiArtist, name: string) => {
      const drawing = data.drawing(artist, find(name).id);
      if (drawing === undefined) return undefined;
      const rgba = await drawing.rgba();
      const sum = [0, 0, 0];
      for (let i = 0; i < rgba.length; i += 4) {
        for (let c = 0; c < 3; c++) sum[c]! += rgba[i + c]! * rgba[i + 3]!;
      }
      return sum;
    };
    for (const artist of data.artists) {
      for (const [name, channel] of [
        ['red heart', 0],
        ['green heart', 1],
        ['blue heart', 2],
      ] as const) {
        const sum = await mean(artist, name);
        if (sum) expect(sum.indexOf(Math.max(...sum)), `${name} by ${artist}`).toBe(channel);
      }
    }
  });

  it('shows something of every drawing, on the background that was asked for', async () => {
    const black = await emoji({ size: 32, artists: ['fluent-3d'], background: [0, 0, 0] });
    const crocodile = black.drawing('fluent-3d', find('crocodile').id)!;
    expect([...(await crocodile.read(at)).subarray(0, 3)]).toEqual([0, 0, 0]);
    const share = async (drawing: EmojiDrawing) => {
      const pixels = await drawing.read(at);
      return pixels.filter((value) => value < 250).length / pixels.length;
    };
    for (const drawing of data.drawings) {
      expect(await share(drawing), drawing.id).toBeGreaterThan(0.005);
    }
  });

  it('has words without drawings', async () => {
    const { concepts, drawings } = await emoji({ artists: [] });
    expect([concepts.length, drawings.length]).toEqual([1594, 0]);
  });

  it('resizes', async () => {
    const drawing = data.drawings[0]!;
    const small = await drawing.read({ height: 8, width: 12, channels: 1, fit: 'fill' });
    expect(small).toHaveLength(96);
  });

  it('opens from the cache without a word', async () => {
    const log: string[] = [];
    await emoji({ size: 32, log: (line) => log.push(line) });
    expect(log).toEqual([]);
  });

  it('draws anew where the cached drawings are damaged', async () => {
    const { rgba } = data.drawing('emojione', find('crocodile').id)!;
    const file = 'emojione-1.2.3-32.rgba';
    const folder = join(cacheFolder(), 'emoji');
    const download = join(cacheFolder(), 'downloads', 'iconify-json-emojione-1.2.3.tgz');
    await mkdir(join(cache, 'downloads'));
    await mkdir(join(cache, 'emoji'));
    await cp(download, join(cache, 'downloads', 'iconify-json-emojione-1.2.3.tgz'));
    for (const name of ['concepts.json', 'words-en.json']) {
      await cp(join(folder, name), join(cache, 'emoji', name));
    }
    const bytes = await readFile(join(folder, file));
    bytes[bytes.length - 100]! ^= 1;
    await writeFile(join(cache, 'emoji', file), bytes);

    vi.stubEnv('CHAINRULE_CACHE', cache);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const open = async () => {
      const log: string[] = [];
      const options = { size: 32, artists: ['emojione'], log: (line: string) => log.push(line) };
      return { log, again: await emoji(options as Parameters<typeof emoji>[0]) };
    };
    const first = await open();
    expect(first.log[0]).toBe('drawing 1087 emoji by emojione at 32x32');
    const pixels = await first.again.drawing('emojione', find('crocodile').id)!.rgba();
    expect(pixels).toEqual(await rgba());
    expect((await open()).log).toEqual([]);
  });

  it('refuses what it does not know', async () => {
    expect(await messageOf(() => emoji({ artists: ['twenoji'] as never }))).toBe(
      'data.emoji: artists must be among twemoji, noto, openmoji, noto-v1, emojione, fluent-flat, fluent-3d, got "twenoji"; did you mean "twemoji"?',
    );
    expect(await messageOf(() => emoji({ languages: ['xx'] }))).toContain(
      'languages must be among',
    );
    expect(await messageOf(() => emoji({ languages: [] }))).toContain('must be one or more');
    const twice = ['noto', 'noto'] as const;
    expect(await messageOf(() => emoji({ artists: twice }))).toContain('must be different names');
    expect(await messageOf(() => emoji({ size: 0 }))).toContain('size must be an integer of 8');
  });
});
