import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

// The example of every docstring is a program of its own and runs here.

const sources = new URL('../src/', import.meta.url);
const folder = new URL(`../../../.cache/examples-optim-${process.pid}/`, import.meta.url);
const examples = readdirSync(sources).flatMap((file) =>
  [...readFileSync(new URL(file, sources), 'utf8').matchAll(/@example\n([\s\S]*?)\n \*\//g)].map(
    ([, code], i) => ({ file, name: `${i}-${file}`, code: code!.replace(/^ \* ?/gm, '') }),
  ),
);

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  vi.spyOn(console, 'log').mockImplementation(() => {});
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  vi.restoreAllMocks();
});

it('stand in every file that has something to show', () => {
  const without = ['check.ts', 'fused.ts', 'index.ts', 'tidy.ts'];
  const files = readdirSync(sources).filter((file) => !without.includes(file));
  expect([...new Set(examples.map(({ file }) => file))]).toEqual(files);
});

it.each(examples)('$name', async ({ name, code }) => {
  const program = new URL(name, folder);
  writeFileSync(program, code);
  await import(/* @vite-ignore */ program.href);
});
