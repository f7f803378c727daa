import { readdirSync, readFileSync } from 'node:fs';
import * as strategies from '@chainrule/fusion';
import { fusion } from '@chainrule/fusion/registry';
import { expect, it } from 'vitest';

// Adding a strategy touches four places: its source, its test, one line in index.ts and one in
// registry.ts. This reads the folders and says which was forgotten.

/** Exported beside the strategies. */
const helpers = ['modalityDropout'];

const folder = (path: string) => readdirSync(new URL(path, import.meta.url));
const files = folder('../src/strategies').map((file) => file.replace(/\.ts$/, ''));

it.each(files)('%s is exported, registered and tested', (name) => {
  expect(strategies, `src/index.ts must export ${name}`).toHaveProperty(name);
  expect(fusion.names, `src/registry.ts must register ${name}`).toContain(name);
  expect(folder('strategies'), `test/strategies must test ${name}`).toContain(`${name}.test.ts`);
});

it('has a file for each entry of the registry and each exported factory', () => {
  expect([...fusion.names].sort()).toEqual([...files].sort());
  expect(Object.keys(strategies).sort()).toEqual([...files, ...helpers].sort());
});

it.each(files)('%s says its equation, shapes, errors and source, and shows a use', (name) => {
  const source = readFileSync(new URL(`../src/strategies/${name}.ts`, import.meta.url), 'utf8');
  for (const part of ['z = ', 'Shapes: ', 'Source: ', '@throws ', '@example']) {
    expect(source).toContain(part);
  }
  expect(source.split('\n').length).toBeLessThan(150);
});
