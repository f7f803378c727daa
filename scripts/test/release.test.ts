import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root, run } from '../lib/run.mjs';

// A copy of what a release looks at, in a git repository of its own, so that neither the state of
// this clone nor its history matters.
const folder = mkdtempSync(join(tmpdir(), 'chainrule-release-'));
const git = (...args: string[]) =>
  run('git', ['-c', 'user.name=test', '-c', 'user.email=test@localhost', ...args], { cwd: folder });
const changeset = (...args: string[]) =>
  run(process.execPath, [join(root, 'node_modules/@changesets/cli/bin.js'), ...args], {
    cwd: folder,
  });

beforeAll(async () => {
  for (const path of ['package.json', 'pnpm-workspace.yaml', '.changeset']) {
    cpSync(join(root, path), join(folder, path), { recursive: true });
  }
  for (const name of readdirSync(join(root, 'packages'))) {
    for (const file of ['package.json', 'CHANGELOG.md']) {
      const path = join('packages', name, file);
      cpSync(join(root, path), join(folder, path), { recursive: true });
    }
  }
  await git('init', '--quiet', '--initial-branch=main');
  await git('add', '.');
  await git('commit', '--quiet', '--message=all');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('changesets accepts its configuration and every pending changeset', async () => {
  const { output } = await changeset('status');
  expect(output).not.toContain('error');
});

test('a changeset raises its package and writes the changelog', async () => {
  const manifest = () =>
    JSON.parse(readFileSync(join(folder, 'packages/fusion/package.json'), 'utf8'));
  const before: string = manifest().version;
  const change = '---\n"@chainrule/fusion": patch\n---\n\nA change that users notice.\n';
  writeFileSync(join(folder, '.changeset/a-change.md'), change);
  await changeset('version');
  expect(manifest().version).not.toBe(before);
  const log = readFileSync(join(folder, 'packages/fusion/CHANGELOG.md'), 'utf8');
  expect(log).toContain(`## ${manifest().version}`);
  expect(log).toContain('A change that users notice.');
});
