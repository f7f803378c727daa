import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from '../lib/run.mjs';

// Every ```ts block of a README is a program of its own and is run here; ```ts no-run is only shown.
const blocks = /^```ts[ \t]*\n([\s\S]*?)^```/gm;

const readmes = [
  'README.md',
  'CONTRIBUTING.md',
  ...['packages', 'apps', 'examples', 'benchmarks', 'docs'].flatMap((folder) =>
    readdirSync(join(root, folder)).flatMap((name) =>
      name.endsWith('.md') ? [`${folder}/${name}`] : [`${folder}/${name}/README.md`],
    ),
  ),
].filter((path) => existsSync(join(root, path)));

const programs = readmes.flatMap((path) =>
  [...readFileSync(join(root, path), 'utf8').matchAll(blocks)].map(([, code], index) => ({
    name: `${path}, block ${index + 1}`,
    file: `${path.replaceAll('/', '-')}-${index + 1}.ts`,
    code: code!,
  })),
);

describe('the programs in the documentation run', () => {
  const folder = join(root, '.cache', `docs-${process.pid}`);
  beforeAll(() => mkdirSync(folder, { recursive: true }));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('there are some', () => expect(programs.length).toBeGreaterThan(0));

  test.each(programs)('$name', async ({ file, code }) => {
    const path = join(folder, file);
    writeFileSync(path, code);
    await tf.setBackend('cpu'); // a program that wants another backend selects it
    await import(pathToFileURL(path).href);
  });
});
