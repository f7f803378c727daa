import { readdirSync, readFileSync } from 'node:fs';
import * as all from '@chainrule/losses';
import { losses } from '@chainrule/losses/registry';
import { expect, it } from 'vitest';

// Adding a loss touches four places: its source, its test, one line in index.ts and one in
// registry.ts. This reads the folders and says which was forgotten.

const folder = (path: string) => readdirSync(new URL(path, import.meta.url));
const files = folder('../src/losses').map((file) => file.replace(/\.ts$/, ''));
const camel = (file: string) => file.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

it.each(files)('%s is exported, registered and tested', (file) => {
  expect(all, `src/index.ts must export ${camel(file)}`).toHaveProperty(camel(file));
  expect(losses.names, `src/registry.ts must register ${camel(file)}`).toContain(camel(file));
  expect(folder('losses'), `test/losses must test ${file}`).toContain(`${file}.test.ts`);
});

it('has a file for each entry of the registry and each exported function', () => {
  const names = files.map(camel).sort();
  expect([...losses.names].sort()).toEqual(names);
  const functions = Object.entries(all).filter(([, value]) => typeof value === 'function');
  expect(functions.map(([name]) => name).sort()).toEqual(names);
});

it.each(files)('%s says its gradient, shapes, errors and source, and shows a use', (file) => {
  const source = readFileSync(new URL(`../src/losses/${file}.ts`, import.meta.url), 'utf8');
  for (const part of ['∂', 'Shapes: ', 'Source: ', '@throws ', '@example']) {
    expect(source).toContain(part);
  }
  expect(source.split('\n').length).toBeLessThan(150);
});
