import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../lib/run.mjs';

const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');
const folders = readdirSync(join(root, 'packages'));
const node = JSON.parse(read('package.json')).engines.node;

test('the root build lists every package', () => {
  const { references } = JSON.parse(read('tsconfig.json'));
  const listed = references.map(({ path }: { path: string }) => path.replace('packages/', ''));
  expect(listed.sort()).toEqual([...folders].sort());
});

describe.each(folders)('packages/%s', (folder) => {
  const manifest = JSON.parse(read('packages', folder, 'package.json'));
  const file = (...path: string[]) => join(root, 'packages', folder, ...path);

  test('says what it is, for whom and under which licence', () => {
    expect(manifest).toMatchObject({
      name: `@chainrule/${folder}`,
      license: 'Apache-2.0',
      type: 'module',
      engines: { node },
    });
    expect(manifest.sideEffects).toBeDefined();
    expect(manifest.description).toMatch(/^[A-Z].*\.$/);
    if (manifest.private) return;
    expect(manifest.publishConfig).toEqual({ access: 'public' });
    expect(manifest.files).toEqual(expect.arrayContaining(['dist', 'CHANGELOG.md']));
  });

  test('has a README that starts with one sentence, and a changelog for its version', () => {
    const [title, sentence] = read('packages', folder, 'README.md').split(/\n\s*\n/);
    expect(title).toBe(`# ${manifest.name}`);
    // One full stop, at the end: it is one sentence.
    expect(sentence?.trim()).toMatch(/^[A-Z`](?:(?!\.\s)[\s\S])*\.$/);
    const log = read('packages', folder, 'CHANGELOG.md');
    expect(log).toContain(`# ${manifest.name}`);
    if (!manifest.private) expect(log).toContain(`## ${manifest.version}`);
  });

  test('exports built files, types first, each with its source', () => {
    for (const [subpath, target] of Object.entries<string | Record<string, string>>(
      manifest.exports,
    )) {
      if (typeof target === 'string') {
        expect(existsSync(file(target)), `${subpath}: ${target}`).toBe(true);
        continue;
      }
      expect(Object.keys(target)[0], subpath).toBe('types');
      for (const path of Object.values(target)) {
        expect(existsSync(file(path)), `${subpath}: ${path} (run \`pnpm build\`)`).toBe(true);
      }
      const name = subpath === '.' ? 'index' : subpath.slice('./'.length);
      expect(target.default, 'tests find sources by this name').toBe(`./dist/${name}.js`);
      expect(existsSync(file(`src/${name}.ts`)), subpath).toBe(true);
    }
    for (const path of Object.values<string>(manifest.bin ?? {})) {
      expect(existsSync(file(path)), path).toBe(true);
    }
  });

  test('takes every third-party version from the catalog, and peers on tfjs-core', () => {
    const { dependencies = {}, devDependencies = {}, peerDependencies = {} } = manifest;
    const versions = Object.entries<string>({ ...dependencies, ...devDependencies });
    for (const [name, version] of versions) {
      expect(version, name).toBe(name.startsWith('@chainrule/') ? 'workspace:^' : 'catalog:');
    }
    // Libraries share their user's copy; only the command, which is a program, brings its own.
    if (folder !== 'cli') expect(dependencies).not.toHaveProperty('@tensorflow/tfjs-core');
    if (devDependencies['@tensorflow/tfjs-core']) {
      expect(peerDependencies['@tensorflow/tfjs-core']).toBe('^4.22.0');
    }
  });

  test('is built by the one compiler run that npm start makes', () => {
    expect(manifest.scripts.build).toBe('tsc --build');
    const { references } = JSON.parse(read('packages', folder, 'tsconfig.json'));
    const ours = Object.keys(manifest.dependencies ?? {}).filter((d) =>
      d.startsWith('@chainrule/'),
    );
    const paths = references.map(({ path }: { path: string }) =>
      path.replace('../', '@chainrule/'),
    );
    expect(paths.sort()).toEqual(ours.sort());
  });
});
