import type { Example } from '@chainrule/data';
import { describe, expect, it } from 'vitest';
import { batchSize } from '../src/prepare.js';
import { defaultEpochs } from '../src/recipe.js';
import { taskName } from '../src/task.js';

/** `questions` questions about each of so many pictures. */
const pictures = (count: number, questions: number): Example[] =>
  Array.from({ length: count * questions }, (_, i) => ({
    inputs: { image: { id: `${i % count}`, read: () => new Uint8Array() } },
    label: '',
  }));

describe('the recipe for data of any size', () => {
  it.each([
    [4000, 10, 64, 10],
    [192, 4, 64, 100],
    [48, 4, 16, 100],
    [10, 1, 8, 100],
    [1, 1, 8, 100],
  ])('%i pictures with %i questions: batches of %i', (images, questions, batch, epochs) => {
    const size = batchSize({ examples: pictures(images, questions) });
    expect(size).toBe(batch);
    expect(defaultEpochs(Math.ceil(images / size))).toBe(epochs);
  });
});

it.each([
  [undefined, 'easy-vqa'],
  ['data/faces.csv', 'faces'],
  ['data/samples/shapes/manifest.jsonl', 'shapes'],
  ['été & hiver.jsonl', 'été-hiver'],
  ['/manifest.csv', 'manifest'],
])('names the task of %s %s', (data, name) => {
  expect(taskName(data === undefined ? {} : { data })).toBe(name);
});
