import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { root, run } from '../lib/run.mjs';

const folder = mkdtempSync(join(tmpdir(), 'chainrule-setup-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const script = (path: string) => pathToFileURL(join(root, 'scripts', path)).href;
/** Runs a line of JavaScript in a Node of its own. */
const evaluate = (code: string, env = {}) =>
  run(process.execPath, ['--input-type=module', '--eval', code], { env, check: false });

test('a Node that is too old is told which one is needed', async () => {
  const pretend = `Object.defineProperty(process, 'versions', { value: { node: '18.20.4' } });`;
  const { code, output } = await evaluate(
    `${pretend} await import('${script('lib/check-node.mjs')}')`,
  );
  expect(output).toContain('Chainrule needs Node 20.19 or later; this is v');
  expect(code).toBe(1);
});

test('without Python and a compiler, the set-up says what to install and goes on', async () => {
  const path = join(folder, 'bin');
  mkdirSync(path);
  symlinkSync(process.execPath, join(path, 'node'));
  const code = `const { provisionNative } = await import('${script('lib/setup.mjs')}');
    await provisionNative(); console.log('went on');`;
  const env = { PATH: path, CHAINRULE_CACHE: join(folder, 'cache') };
  const { output } = await evaluate(code, env);
  expect(output).toMatch(/Python 3.*not found on the PATH; install with `.*python3.*`/);
  expect(output).toContain('went on');
});

test('once everything is set up, npm start is at its command at once', async () => {
  const start = () =>
    run(process.execPath, ['scripts/start.mjs', 'start', '--help'], { check: false });
  await start();
  const began = performance.now();
  const { stdout, code } = await start();
  expect(stdout).toContain('--fusion');
  expect(code).toBe(0);
  // Under a second on a quiet machine; the tests keep it busy.
  expect(performance.now() - began).toBeLessThan(10_000);
});

test('npm start passes on what its command says, and its exit code', async () => {
  const { output, code } = await run(
    process.execPath,
    ['scripts/start.mjs', 'start', '--fusion', 'gatd', '--epochs', '1'],
    { check: false },
  );
  expect(output).toContain('gated');
  expect(code).toBe(1);
});

test('options may stand after --, as npm wants them', async () => {
  const { stdout, code } = await run(
    process.execPath,
    ['scripts/start.mjs', 'retrieval', '--', '--help'],
    { check: false },
  );
  expect(stdout).toContain('--no-prompt');
  expect(code).toBe(0);
});
