import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Dataset,
  disposeBatch,
  loader,
  questionVector,
  type SortOfClevrExample,
  sortOfClevr,
} from '../../src/index.js';
import { grouped } from '../support.js';
import { answers, look } from './looking.js';

const size = { height: 75, width: 75, channels: 3, fit: 'fill' } as const;
const images = { train: 300, test: 20 };
const data = sortOfClevr({ seed: 3, images });
beforeAll(() => tf.setBackend('cpu'));

describe('sortOfClevr', () => {
  it('has twenty questions about each picture, ten of each kind', () => {
    for (const part of ['train', 'test'] as const) {
      const { examples } = data[part];
      expect(examples).toHaveLength(20 * images[part]);
      const byImage = grouped(examples, ({ inputs }) => inputs.image.id);
      expect(byImage.size).toBe(images[part]);
      for (const group of byImage.values()) {
        expect(group.filter(({ kind }) => kind === 'relational')).toHaveLength(10);
        expect(group.filter(({ kind }) => kind === 'nonRelational')).toHaveLength(10);
      }
    }
    expect(data.classes).toHaveLength(10);
  });

  it('answers as one does who looks at the pictures', () => {
    let looked = 0;
    for (const group of grouped(data.train.examples, ({ inputs }) => inputs.image).entries()) {
      const [image, examples] = group;
      const seen = look(image.read(size) as Uint8Array);
      if (seen === undefined) continue;
      looked++;
      expect(seen).toHaveLength(6);
      for (const { inputs, label } of examples) {
        expect(answers(inputs.text, seen), inputs.text).toContain(label);
      }
    }
    expect(looked).toBeGreaterThan(150);
  });

  it('is balanced as it must be', () => {
    const share = (examples: readonly SortOfClevrExample[], label: string) =>
      examples.filter((example) => example.label === label).length / examples.length;
    const ask = (part: Dataset<SortOfClevrExample>, kind: string, subtype: number) =>
      part.examples.filter((e) => e.kind === kind && e.question.subtype === subtype);
    const { train } = data;
    // Six standard deviations of a thousand questions about 300 pictures.
    const near = (value: number, expected: number) =>
      expect(Math.abs(value - expected)).toBeLessThan(0.1);
    near(share(ask(train, 'nonRelational', 0), 'circle'), 1 / 2);
    near(share(ask(train, 'nonRelational', 1), 'yes'), 1 / 2);
    near(share(ask(train, 'nonRelational', 2), 'yes'), 1 / 2);
    near(share(ask(train, 'relational', 0), 'circle'), 1 / 2);
    near(share(ask(train, 'relational', 1), 'circle'), 1 / 2);
    // One and five others: binomial(5, ½).
    [1, 5, 10, 10, 5, 1].forEach((ways, i) => {
      near(share(ask(train, 'relational', 2), `${i + 1}`), ways / 32);
    });
    const colours = grouped(train.examples, ({ question }) => question.colour);
    for (const group of colours.values()) near(group.length / train.examples.length, 1 / 6);
  });

  it('depends on the seed and the number of the picture alone', () => {
    const all = (part: Dataset<SortOfClevrExample>) =>
      part.examples.map(({ inputs, label, scene }) => [inputs.image.id, inputs.text, label, scene]);
    const fewer = sortOfClevr({ seed: 3, images: { train: 7, test: 5 } });
    expect(all(fewer.train)).toEqual(all(data.train).slice(0, 140));
    expect(all(fewer.test)).toEqual(all(data.test).slice(0, 100));
    const other = sortOfClevr({ seed: 4, images: { train: 7, test: 5 } });
    expect(all(other.train)).not.toEqual(all(fewer.train));
    expect(all(fewer.test).map(([, ...rest]) => rest)).not.toEqual(
      all(fewer.train)
        .slice(0, 100)
        .map(([, ...rest]) => rest),
    );
  });

  it('keeps the objects within the picture and apart', () => {
    for (const { scene } of data.test.examples) {
      scene.forEach((a, i) => {
        expect(Math.min(a.x, a.y)).toBeGreaterThanOrEqual(5);
        expect(Math.max(a.x, a.y)).toBeLessThanOrEqual(69);
        for (const b of scene.slice(i + 1)) {
          expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeGreaterThanOrEqual(10);
        }
      });
    }
  });

  it('writes questions as words or as eleven numbers', () => {
    const asked = new Map(data.train.examples.map((e) => [e.inputs.text, e.question]));
    expect(asked.size).toBe(36);
    const vectors = new Set([...asked.values()].map((question) => questionVector(question).join()));
    expect(vectors.size).toBe(36);
    expect(questionVector({ kind: 'relational', colour: 'blue', subtype: 1 })).toEqual([
      ...[0, 0, 1, 0, 0, 0],
      ...[0, 1],
      ...[0, 1, 0],
    ]);
  });

  it('goes through a loader, each picture once a batch', async () => {
    const tokenizer = { encode: (text: string) => [1 + text.length] };
    const batches = loader(data.test, {
      batchSize: 8,
      groupBy: 'image',
      imageSize: [75, 75],
      tokenizer,
    });
    for await (const batch of batches.epoch(0)) {
      expect(batch.inputs.image!.shape.slice(1)).toEqual([75, 75, 3]);
      expect(batch.inputs.image!.shape[0]).toBeLessThanOrEqual(8);
      disposeBatch(batch);
    }
    const wrong = loader(data.test, { batchSize: 8, tokenizer }).epoch(0);
    await expect(wrong.next()).rejects.toThrow('give the loader imageSize: [75, 75]');
  });

  it('refuses numbers of pictures that are none', () => {
    for (const train of [0, -1, 1.5]) {
      expect(() => sortOfClevr({ images: { train, test: 1 } })).toThrow(
        'images.train must be a positive integer',
      );
    }
  });
});
