import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

// Every example of the README is a program of its own and runs here.

const folder = new URL(`../.cache/readme-${process.pid}/`, import.meta.url);
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  vi.spyOn(console, 'log').mockImplementation(() => {});
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  vi.restoreAllMocks();
});

it('has examples', () => {
  expect(examples.length).toBeGreaterThan(5);
});

it.each(examples.map((code, i) => [i, code.split('\n')[1], code] as const))(
  'example %i: %s',
  async (i, _line, code) => {
    const program = new URL(`example-${i}.ts`, folder);
    writeFileSync(program, code);
    await import(/* @vite-ignore */ program.href);
  },
);
