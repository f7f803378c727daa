import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

// The example of every docstring is a program of its own and runs here.

const folder = new URL(`../../../.cache/examples-fusion-${process.pid}/`, import.meta.url);
const sources = [
  'registry.ts',
  'modality-dropout.ts',
  ...readdirSync(new URL('../src/strategies', import.meta.url)).map((name) => `strategies/${name}`),
];

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  vi.spyOn(console, 'log').mockImplementation(() => {});
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  vi.restoreAllMocks();
});

it.each(sources)('%s', async (path) => {
  const source = readFileSync(new URL(`../src/${path}`, import.meta.url), 'utf8');
  const [, example] = source.match(/@example\n([\s\S]*?)\n \*\//) ?? [];
  expect(example, `${path} has an @example`).toBeDefined();
  const program = new URL(path.replace('/', '-'), folder);
  writeFileSync(program, example!.replace(/^ \* ?/gm, ''));
  await import(/* @vite-ignore */ program.href);
});
