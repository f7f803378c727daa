import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { split } from '../src/index.js';
import { manifest } from '../src/node.js';
import { messageOf, put, temporaryFolder } from './support.js';

const outer = temporaryFolder();
const folder = join(outer, 'data');
const png = sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } })
  .png()
  .toBuffer();
beforeAll(async () => {
  await put(folder, 'a.png', await png);
  await put(folder, 'sub/b.png', await png);
  await put(outer, 'secret.png', await png);
});

const read = async (file: string, lines: readonly string[]) =>
  manifest(await put(folder, file, lines.join('\n')));
const jsonl = (...rows: unknown[]) =>
  read(
    'faces.jsonl',
    rows.map((row) => JSON.stringify(row)),
  );
const csv = (...lines: string[]) => read('faces.csv', lines);
const size = { height: 2, width: 2, channels: 3, fit: 'cover' } as const;

describe('manifest', () => {
  it('reads JSON Lines', async () => {
    const faces = await read('faces.jsonl', [
      '\ufeff{"image": "a.png", "text": "who is it?", "label": "ann", "kind": "who", "other": 1}',
      '',
      '{"image": "sub/b.png", "text": "how old?", "label": 7, "kind": null}\r',
      '{"image": "a.png", "text": "who is it?", "label": "ann"}',
    ]);
    expect(faces).toMatchObject({
      name: 'faces.jsonl',
      modalities: ['image', 'text'],
      classes: ['7', 'ann'],
    });
    expect(faces.examples).toHaveLength(3);
    expect(faces.examples[0]).toMatchObject({ label: 'ann', kind: 'who' });
    expect(faces.examples[0]).not.toHaveProperty('other');
    expect(faces.examples[1]).not.toHaveProperty('kind');
    expect(faces.examples[2]!.inputs.image).toBe(faces.examples[0]!.inputs.image);
    expect([...(await faces.examples[1]!.inputs.image!.read(size))]).toEqual(
      Array(4).fill([255, 0, 0]).flat(),
    );
  });

  it('reads CSV', async () => {
    const faces = await csv(
      '\ufefftext, target,split',
      '"one, ""two""\nthree",0.5,train',
      '',
      'four,-2e3,test',
    );
    expect(faces.examples).toEqual([
      { inputs: { text: 'one, "two"\nthree' }, target: 0.5, split: 'train' },
      { inputs: { text: 'four' }, target: -2000, split: 'test' },
    ]);
    const { train, test } = split(faces);
    expect([train.examples.length, test?.examples.length]).toEqual([1, 1]);
    const lists = await csv('image,target', 'a.png,"[1, 2.5]"', 'sub/b.png,"[3, 4]"');
    expect(lists).toMatchObject({ modalities: ['image'], targetShape: [2] });
  });

  it('takes any table that is right', async () => {
    const row = fc.record({
      text: fc.string({ minLength: 1 }),
      label: fc.string({ minLength: 1 }),
    });
    const solid = row.filter(({ text, label }) => text.trim() !== '' && label.trim() !== '');
    await fc.assert(
      fc.asyncProperty(fc.array(solid, { minLength: 1, maxLength: 5 }), async (rows) => {
        const trimmed = rows.map(({ text, label }) => [text.trim(), label.trim()]);
        const cell = (value: string) => `"${value.replaceAll('"', '""')}"`;
        for (const table of [
          await jsonl(...rows),
          await csv('text,label', ...rows.map((r) => `${cell(r.text)},${cell(r.label)}`)),
        ]) {
          expect(table.examples.map(({ inputs, label }) => [inputs.text, label])).toEqual(trimmed);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('reads the sample', async () => {
    const path = fileURLToPath(new URL('../samples/shapes/manifest.jsonl', import.meta.url));
    const shapes = await manifest(path);
    expect(shapes.examples).toHaveLength(240);
    expect(new Set(shapes.examples.map(({ inputs }) => inputs.image!.id)).size).toBe(60);
    expect(shapes.classes).toHaveLength(9);
    const at = { height: 64, width: 64, channels: 3, fit: 'cover' } as const;
    for (const { inputs } of shapes.examples.slice(0, 8)) {
      expect(await inputs.image!.read(at)).toHaveLength(64 * 64 * 3);
    }
  });
});

describe('wrong manifests', () => {
  it.each<[string, () => Promise<unknown>, string]>([
    [
      'a line that is not JSON',
      () => read('faces.jsonl', ['{"text": "x", "label": "y"}', '', '{"text": ']),
      'data.manifest: faces.jsonl line 3 is not JSON: ',
    ],
    [
      'a line that is not an object',
      () => jsonl(['a.png', 'x']),
      'data.manifest: faces.jsonl line 1 must be a JSON object, got ["a.png","x"]',
    ],
    ['an empty file', () => read('faces.jsonl', []), 'data.manifest: faces.jsonl has no rows; add'],
    ['only a header', () => csv('text,label'), 'data.manifest: faces.csv has no rows; add'],
    [
      'a row that is too long',
      () => csv('text,label', 'x,y', 'x,y,z'),
      'data.manifest: faces.csv line 3 is not CSV: ',
    ],
    [
      'a quote that does not close',
      () => csv('text,label', 'x,"y'),
      'data.manifest: faces.csv line 2 is not CSV: Quote Not Closed',
    ],
    [
      'a missing image',
      () => jsonl({ image: 'a.png', label: 'x' }, { image: 'b.png', label: 'x' }),
      'data.manifest: faces.jsonl line 2: there is no image "b.png" (looked for ',
    ],
    [
      'no label column',
      () => csv('image,lable', 'a.png,x'),
      'data.manifest: faces.csv has neither "label" nor "target"; its columns are image, lable; rename "lable" to "label"?',
    ],
    [
      'no input column',
      () => jsonl({ txt: 'a', label: 'x' }),
      'data.manifest: faces.jsonl has neither "image" nor "text"; its columns are txt, label; rename "txt" to "text"?',
    ],
    [
      'a row without a label',
      () => csv('text,label', 'a,x', 'b,'),
      'data.manifest: faces.csv line 3 has neither "label" nor "target"; its columns are text',
    ],
    [
      'a target that is NaN',
      () => csv('text,target', 'a,1', 'b,NaN'),
      'data.manifest: faces.csv line 3: target must be a finite number or a list of them, got "NaN"',
    ],
    [
      'a target out of range',
      () => read('faces.jsonl', ['{"text": "a", "target": 1e999}']),
      'data.manifest: faces.jsonl line 1: target must be a finite number or a list of them, got ',
    ],
    [
      'labels and targets mixed',
      () => jsonl({ text: 'a', label: 'x' }, { text: 'b', target: 1 }),
      'data.manifest: faces.jsonl line 2 has a target, but line 1 has a label; use one sort throughout',
    ],
    [
      'both label and target',
      () => jsonl({ text: 'a', label: 'x', target: 1 }),
      'data.manifest: faces.jsonl line 1 has both a label and a target',
    ],
    [
      'images in some rows only',
      () => jsonl({ text: 'a', image: 'a.png', label: 'x' }, { text: 'b', label: 'x' }),
      'data.manifest: faces.jsonl line 2 has text, but line 1 has image and text; all examples must have the same inputs',
    ],
    [
      'an unknown split',
      () => jsonl({ text: 'a', label: 'x', split: 'dev' }),
      'data.manifest: faces.jsonl line 1: split must be train, validation or test, got "dev"',
    ],
    [
      'an empty text',
      () => jsonl({ text: ' ', label: 'x' }),
      'data.manifest: faces.jsonl line 1: text is empty, got " "',
    ],
    [
      'another format',
      () => read('faces.txt', ['x']),
      'data.manifest: faces.txt must be a .jsonl, .ndjson or .csv file',
    ],
    ['no file', () => manifest(join(folder, 'none.csv')), 'data.manifest: can not read '],
    [
      'a wrong option',
      () => manifest(join(folder, 'none.csv'), { maxPixels: -1 }),
      'data.manifest: wrong options: ',
    ],
  ])('%s', async (_, action, message) => {
    expect(await messageOf(action)).toContain(message);
  });

  it('an image outside the folder, unless allowed', async () => {
    await symlink(join(outer, 'secret.png'), join(folder, 'link.png'));
    for (const image of ['../secret.png', join(outer, 'secret.png'), 'link.png', '..', '/no.png']) {
      expect(await messageOf(() => jsonl({ image, label: 'x' }))).toContain(
        `line 1: image ${JSON.stringify(image)} lies outside the manifest's folder`,
      );
    }
    const path = await put(folder, 'out.jsonl', '{"image": "../secret.png", "label": "x"}');
    expect((await manifest(path, { allowOutside: true })).examples).toHaveLength(1);
  });

  it('a label that is not one of the classes', async () => {
    const path = await put(folder, 'c.jsonl', '{"text": "a", "label": "circel"}');
    expect(await messageOf(() => manifest(path, { classes: ['circle'] }))).toBe(
      'data.manifest: c.jsonl line 1 has the label "circel", which is not one of the classes. Did you mean "circle"?',
    );
  });
});
