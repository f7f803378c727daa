import { mkdtempSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import {
  type Dataset,
  dataset,
  type Example,
  pixelImage,
  type TextTokenizer,
} from '../src/index.js';

/** A folder that is gone after the tests of this file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'chainrule-data-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function put(folder: string, name: string, content: string | Uint8Array) {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

/** Words become their length, so that ids are easy to predict. */
export const lengths: TextTokenizer = {
  encode: (text) => text.split(' ').map((word) => word.length),
};

/** Image i is 2×2 grey with the values 4i … 4i + 3. */
export function greys(count: number) {
  return Array.from({ length: count }, (_, i) =>
    pixelImage(`grey ${i}`, Uint8Array.of(4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3), [2, 2, 1]),
  );
}

/** Question q is about image q mod `images` and has one of three texts. */
export function questions(count: number, images: number): Dataset {
  const pictures = greys(images);
  const texts = ['what is this', 'is there a cat', 'why'];
  return dataset({
    name: 'questions',
    examples: Array.from(
      { length: count },
      (_, q): Example => ({
        inputs: { image: pictures[q % images]!, text: texts[q % 3]! },
        label: q % 2 === 0 ? 'even' : 'odd',
      }),
    ),
  });
}

export const grey = { imageSize: [2, 2], channels: 1, tokenizer: lengths } as const;

export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of stream) all.push(item);
  return all;
}

export async function messageOf(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('expected an error');
}

/** The values by what `of` says of them. */
export function grouped<T, K>(values: readonly T[], of: (value: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const value of values) groups.set(of(value), [...(groups.get(of(value)) ?? []), value]);
  return groups;
}
