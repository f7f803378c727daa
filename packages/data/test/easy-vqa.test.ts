import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { disposeBatch, loader } from '../src/index.js';
import { cacheFolder, type EasyVqa, easyVqa } from '../src/node.js';
import { lengths, put, temporaryFolder } from './support.js';

const at = { height: 64, width: 64, channels: 3, fit: 'fill' } as const;
/** The colours that the authors drew with, as CSS names them (their green is CSS's lime). */
const COLOURS: { readonly [name: string]: number } = {
  red: 0xff0000,
  green: 0x00ff00,
  blue: 0x0000ff,
  yellow: 0xffff00,
  brown: 0xa52a2a,
  black: 0x000000,
  teal: 0x008080,
  gray: 0x808080,
};

const cache = temporaryFolder();
let data: EasyVqa;
beforeAll(async () => {
  await tf.setBackend('cpu');
  data = await easyVqa();
});

describe('easyVqa', () => {
  it('is the official data', () => {
    const { train, test, classes, licence } = data;
    expect(train.examples).toHaveLength(38575);
    expect(test.examples).toHaveLength(9673);
    expect(classes).toHaveLength(13);
    const images = ({ examples }: typeof train) =>
      new Set(examples.map(({ inputs }) => inputs.image.id)).size;
    expect([images(train), images(test)]).toEqual([4000, 1000]);
    expect(licence.name).toBe('MIT');
    expect(licence.text).toContain('Copyright (c) 2019 Victor Zhou');
  });

  it('has the majority answer and the kinds of question that its authors count', () => {
    const counts = new Map<string, number>();
    for (const { label } of data.test.examples) counts.set(label, (counts.get(label) ?? 0) + 1);
    expect(Math.max(...counts.values()) / data.test.examples.length).toBeCloseTo(0.3733, 4);
    const kinds = ({ examples }: typeof data.train) =>
      examples.filter(({ kind }) => kind === 'yes/no').length;
    expect([kinds(data.train), kinds(data.test)]).toEqual([28407, 7136]);
    expect(data.test.examples[1]).toMatchObject({
      inputs: { text: 'what is the color of the triangle?' },
      label: 'red',
      kind: 'colour',
    });
    expect(data.test.examples[0]).toMatchObject({ label: 'triangle', kind: 'shape' });
  });

  it('shows pictures that match their answers', async () => {
    const asked = data.test.examples.filter(({ kind }) => kind === 'colour');
    expect(asked).toHaveLength(1280);
    for (const { inputs, label } of asked) {
      const pixels = await inputs.image.read(at);
      const seen = new Set<number>();
      for (let i = 0; i < pixels.length; i += 3) {
        seen.add((pixels[i]! << 16) | (pixels[i + 1]! << 8) | pixels[i + 2]!);
      }
      expect(Object.keys(COLOURS).filter((name) => seen.has(COLOURS[name]!))).toEqual([label]);
    }
  });

  it('resizes', async () => {
    const { image } = data.train.examples[0]!.inputs;
    const small = await image.read({ height: 8, width: 12, channels: 1, fit: 'fill' });
    expect(small).toHaveLength(96);
  });

  it('decodes anew where the cached pictures are damaged', async () => {
    const wheel = join('downloads', 'easy_vqa-1.0-py3-none-any.whl');
    const original = await readFile(join(cacheFolder(), wheel));
    const trainPixels = await readFile(join(cacheFolder(), 'easy-vqa-1.0', 'train-64x64x3.u8'));
    vi.stubEnv('CHAINRULE_CACHE', cache);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    await put(cache, wheel, original);
    for (const part of ['train', 'test'] as const) {
      await put(
        cache,
        `easy-vqa-1.0/${part}-64x64x3.u8`,
        part === 'test' ? 'damaged' : trainPixels,
      );
    }
    const log: string[] = [];
    const again = await easyVqa({ log: (line) => log.push(line) });
    expect(log).toEqual(['decoding 1000 pictures of easy-VQA test']);
    const pixels = (from: EasyVqa) => from.test.examples[5000]!.inputs.image.read(at);
    expect(await pixels(again)).toEqual(await pixels(data));
    const third: string[] = [];
    await easyVqa({ log: (line) => third.push(line) });
    expect(third).toEqual([]);
  });

  it('comes in batches of 64 pictures with all their questions', async () => {
    const batches = loader(data.train, { batchSize: 64, groupBy: 'image', tokenizer: lengths });
    expect(batches).toMatchObject({ size: 38575, stepsPerEpoch: 63, maxLength: 9 });
    const shapes = new Set<string>();
    let examples = 0;
    for await (const batch of batches.epoch(0)) {
      shapes.add(JSON.stringify([batch.inputs.image!.shape, batch.target.shape]));
      examples += batch.indices.length;
      disposeBatch(batch);
    }
    expect(examples).toBe(38575);
    expect(shapes.size).toBeLessThanOrEqual(5);
  });
});
