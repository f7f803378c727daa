import { beforeAll, describe, expect, it } from 'vitest';
import type { Dataset } from '../../src/index.js';
import {
  type Emoji,
  type EmojiVqa,
  type EmojiVqaExample,
  emoji,
  emojiVqa,
  sha256,
} from '../../src/node.js';
import { grouped, messageOf } from '../support.js';

let data: Emoji;
let vqa: EmojiVqa;
beforeAll(async () => {
  data = await emoji({ size: 32 });
  vqa = emojiVqa(data, { size: 64 });
});

type Part = readonly EmojiVqaExample[];

/** What knows the question alone gets: to each text the commonest answer of training. */
function questionOnly(train: Part, test: Part): number {
  const answers = grouped(train, ({ inputs }) => inputs.text);
  const guess = new Map(
    Array.from(answers, ([text, all]) => {
      const counts = [...grouped(all, ({ label }) => label)];
      return [
        text,
        counts.reduce((best, next) => (next[1].length > best[1].length ? next : best))[0],
      ];
    }),
  );
  return test.filter(({ inputs, label }) => guess.get(inputs.text) === label).length / test.length;
}

/** How often the answer follows from the scene, worked out anew from where things are. */
function answersTrue({ examples }: Dataset<EmojiVqaExample>) {
  const at = (scene: EmojiVqaExample['scene'], row: number, column: number) =>
    scene.placed.find((one) => one.row === row && one.column === column)?.object;
  for (const { inputs, label, scene } of examples) {
    const place = /(top|bottom) (left|right)\?$/.exec(inputs.text);
    const relation = /^what is (to the left of|to the right of|above|below) the (.*)\?$/.exec(
      inputs.text,
    );
    if (place) {
      const object = at(scene, Number(place[1] === 'bottom'), Number(place[2] === 'right'))!;
      expect(label).toBe(inputs.text.includes('kind of') ? object.category : object.name);
    } else if (relation) {
      const one = scene.placed.find(({ object }) => object.name === relation[2])!;
      const [rows, columns] = {
        'to the left of': [0, -1],
        'to the right of': [0, 1],
        above: [-1, 0],
        below: [1, 0],
      }[relation[1]!]!;
      expect(label).toBe(at(scene, one.row + rows!, one.column + columns!)!.name);
    } else {
      const plural = /^how many (.*) are there\?$/.exec(inputs.text)![1]!;
      const names: { readonly [plural: string]: string } = {
        'pieces of clothing': 'clothing',
      };
      const category = names[plural] ?? plural.replace(/s$/, '');
      const counted = scene.placed.filter(
        ({ object }) => plural === 'things' || object.category === category,
      );
      expect(label).toBe(`${counted.length}`);
    }
  }
}

describe('emojiVqa', () => {
  it('asks true questions of a closed set of answers', () => {
    expect(vqa.classes).toHaveLength(53);
    expect(vqa.objects).toHaveLength(40);
    expect(vqa.train.examples).toHaveLength(11020);
    expect(vqa.validation.examples).toHaveLength(1824);
    expect(vqa.test.examples).toHaveLength(2744);
    for (const part of [vqa.train, vqa.validation, vqa.test]) answersTrue(part);
  });

  it('lets no artist of the test draw in training', () => {
    const artists = ({ examples }: Dataset<EmojiVqaExample>) =>
      new Set(examples.flatMap(({ scene }) => scene.placed.map(({ artist }) => artist)));
    expect([...artists(vqa.train)].sort()).toEqual([
      ...['emojione', 'noto', 'noto-v1', 'openmoji', 'twemoji'],
    ]);
    expect(artists(vqa.validation)).toEqual(artists(vqa.train));
    expect([...artists(vqa.test)].sort()).toEqual(['fluent-3d', 'fluent-flat']);
  });

  it('leaves a model that reads the question alone near chance', () => {
    const chance = { what: 1 / 40, category: 1 / 8, relation: 1 / 39 };
    for (const part of [vqa.validation, vqa.test]) {
      const train = grouped(vqa.train.examples, ({ kind }) => kind);
      const test = grouped(part.examples, ({ kind }) => kind);
      for (const kind of ['what', 'category', 'relation'] as const) {
        const got = questionOnly(train.get(kind)!, test.get(kind)!);
        const deviation = Math.sqrt(chance[kind] / test.get(kind)!.length);
        expect(Math.abs(got - chance[kind]), kind).toBeLessThan(3 * deviation);
      }
    }
  });

  it('has all counts equally often, of things and of each category', () => {
    const counts = vqa.train.examples.filter(({ kind }) => kind === 'count');
    for (const [text, all] of grouped(counts, ({ inputs }) => inputs.text)) {
      const own = [...grouped(all, ({ label }) => label).values()].map(({ length }) => length);
      expect(own, text).toHaveLength(text.includes('things') ? 4 : 3);
      expect(Math.max(...own) - Math.min(...own), text).toBeLessThanOrEqual(1);
    }
  });

  it('paints what the scene says', async () => {
    const at = { height: 64, width: 64, channels: 3, fit: 'fill' } as const;
    for (const { inputs, scene } of vqa.test.examples.slice(0, 100)) {
      const pixels = await inputs.image.read(at);
      for (const row of [0, 1]) {
        for (const column of [0, 1]) {
          let painted = 0;
          for (let y = row * 32; y < row * 32 + 32; y++) {
            for (let x = column * 32; x < column * 32 + 32; x++) {
              const i = (y * 64 + x) * 3;
              if (scene.background.some((value, c) => Math.abs(value - pixels[i + c]!) > 8))
                painted++;
            }
          }
          const there = scene.placed.some((one) => one.row === row && one.column === column);
          if (there) expect(painted).toBeGreaterThan(20);
          else expect(painted).toBe(0);
        }
      }
    }
    const { image } = vqa.test.examples[0]!.inputs;
    expect(await image.read({ ...at, height: 16, width: 16, channels: 1 })).toHaveLength(256);
  });

  it('is decided by the seed', () => {
    const texts = ({ train }: EmojiVqa) =>
      sha256(
        Buffer.from(train.examples.map(({ inputs, label }) => inputs.text + label).join('\n')),
      );
    expect(texts(vqa)).toBe('fb9e16feefb2bac0a5b13eff819f381a7a49433255422e3c1530c28cc57b018d');
    const scenes = { train: 50, validation: 10, test: 10 };
    const small = (seed: number) => texts(emojiVqa(data, { seed, scenes, size: 64 }));
    expect(small(1)).toBe(small(1));
    expect(small(1)).not.toBe(small(2));
  });

  it('refuses what can not be', async () => {
    const message = (options: Parameters<typeof emojiVqa>[1]) =>
      messageOf(() => emojiVqa(data, options));
    expect(await message({ size: 65 })).toContain('size must be an even integer of 32 … 64');
    expect(await message({ size: 64, objectsPerCategory: 500 })).toContain('must be at most');
    expect(await message({ size: 64, heldOut: [...data.artists] })).toContain('some must be held');
    expect(await message({ size: 64, scenes: { train: 0, validation: 1, test: 1 } })).toContain(
      'scenes.train must be a positive integer, got 0',
    );
  });
});
