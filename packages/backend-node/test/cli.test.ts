import { beforeAll, expect, test } from 'vitest';
import { installNative } from '../src/install.js';
import { bundle, command, pathWith, run, temporary } from './helper.js';

let cli = '';

beforeAll(async () => {
  cli = await bundle('cli');
  await installNative();
});

test('--help shows the commands, examples and variables', async () => {
  const { status, stdout } = await run(command(cli, '--help'));
  expect(status).toBe(0);
  for (const text of ['install', 'doctor', 'Examples:', 'CHAINRULE_CACHE']) {
    expect(stdout).toContain(text);
  }
});

test('an unknown option is wrong usage', async () => {
  const { status, stderr } = await run(command(cli, 'install', '--forse'));
  expect(status).toBe(2);
  expect(stderr).toContain('Did you mean --force?');
});

test('doctor: everything found', async () => {
  const { status, stdout, stderr } = await run(command(cli, 'doctor'));
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).not.toContain('✗');
  expect(stdout).toMatch(/✓ computes +yes: a matrix product with TensorFlow 2\.21\.0, \d+ ms/);
});

test('doctor: what is missing, and the command that mends it', async () => {
  const env = { CHAINRULE_CACHE: await temporary(), PATH: await pathWith() };
  const { status, stdout } = await run(command(cli, 'doctor', '--json'), env);
  expect(status).toBe(1);
  const { ok, findings } = JSON.parse(stdout);
  expect(ok).toBe(false);
  const byName = new Map(findings.map((f: { name: string }) => [f.name, f]));
  expect(byName.get('node')).toMatchObject({ ok: true });
  expect(byName.get('pip')).toMatchObject({ ok: false, fix: expect.stringContaining('pip') });
  expect(byName.get('compiler')).toMatchObject({ ok: false });
  for (const name of ['libtensorflow', 'tfjs-node', 'binding', 'computes']) {
    expect(byName.get(name)).toMatchObject({ ok: false, fix: 'npx chainrule-native install' });
  }
});
