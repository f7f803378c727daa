import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { expect, test } from 'vitest';
import { extractZip } from '../src/extract.js';
import { temporary } from './helper.js';

async function zip(files: { [name: string]: string }): Promise<{ path: string; folder: string }> {
  const folder = await temporary();
  const path = join(folder, 'a.zip');
  const entries = Object.entries(files).map(([name, text]) => [name, strToU8(text)]);
  await writeFile(path, zipSync(Object.fromEntries(entries)));
  return { path, folder };
}

test('writes the chosen entries and counts their bytes', async () => {
  const { path, folder } = await zip({
    'a/x.txt': 'ab'.repeat(5000),
    'a/y.txt': 'yy',
    'b.txt': '',
  });
  const counts: number[][] = [];
  const written = await extractZip(path, {
    place: (name) => (name.startsWith('a/') ? name.slice(2) : undefined),
    folder: join(folder, 'out'),
    onBytes: (...count) => counts.push(count),
  });
  expect(written).toBe(2);
  expect(await readFile(join(folder, 'out', 'x.txt'), 'utf8')).toBe('ab'.repeat(5000));
  expect(counts.at(-1)).toEqual([10002, 10002]);
});

test('refuses an entry that points outside', async () => {
  const { path, folder } = await zip({ '../evil.txt': 'x' });
  const options = { place: (name: string) => name, folder, onBytes: () => {} };
  await expect(extractZip(path, options)).rejects.toThrow('invalid relative path');
});

test('stops at an abort', async () => {
  const { path, folder } = await zip({ x: 'x' });
  const signal = AbortSignal.abort();
  const options = { place: (name: string) => name, folder, onBytes: () => {}, signal };
  await expect(extractZip(path, options)).rejects.toMatchObject({ name: 'AbortError' });
});
