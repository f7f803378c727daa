import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { root } from '../lib/run.mjs';

// Every ```ts block of a README is a program of its own and is run here; ```ts no-run is only shown.
const blocks = /^```ts[ \t]*\n([\s\S]*?)^```/gm;

const readmes = [
  'README.md',
  'CONTRIBUTING.md',
  ...['packages', 'apps', 'examples', 'benchmarks', 'docs'].flatMap((folder) =>
    (existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : []).flatMap((name) =>
      name.endsWith('.md') ? [`${folder}/${name}`] : [`${folder}/${name}/README.md`],
    ),
  ),
].filter((path) => existsSync(join(root, path)));

const programs = readmes.flatMap((path) =>
  [...readFileSync(join(root, path), 'utf8').matchAll(blocks)].map(([, code], index) => ({
    name: `${path}, block ${index + 1}`,
    // Beside the README, so that its package's dependencies are found. Git ignores the folder.
    file: join(root, dirname(path), `.cache/docs-${process.pid}-${index + 1}.ts`),
    code: code!,
  })),
);

describe('the programs in the documentation run', () => {
  test('there are some', () => expect(programs.length).toBeGreaterThan(0));

  test.each(programs)('$name', async ({ file, code }) => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, code);
    onTestFinished(() => rmSync(file));
    await tf.setBackend('cpu'); // a program that wants another backend selects it
    await import(pathToFileURL(file).href);
  });
});
