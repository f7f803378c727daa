import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { nativePaths } from '../src/cache.js';
import { installNative } from '../src/install.js';
import { wheelForThisMachine } from '../src/library.js';
import { bundle, command, pathWith, run, start, temporary } from './helper.js';

const installed = nativePaths();
let cli = '';
let backend = '';

beforeAll(async () => {
  cli = await bundle('cli');
  backend = await bundle('backend');
  await installNative();
});

/** A cache folder that has the kernels, and so needs no network for an own library. */
async function cacheWithKernels(): Promise<{ cache: string; root: string }> {
  const cache = await temporary();
  const root = join(cache, basename(installed.root));
  await cp(installed.kernels, join(root, basename(installed.kernels)), { recursive: true });
  return { cache, root };
}

const install = (...options: string[]) => command(cli, 'install', ...options);

describe('what is missing is said, with the command that mends it', () => {
  test('no Python: and programs still compute', async () => {
    const env = { CHAINRULE_CACHE: await temporary(), PATH: await pathWith('npm', 'g++') };
    const { status, stdout } = await run(install('--json'), env);
    expect(status).toBe(1);
    const { code, message } = JSON.parse(stdout);
    expect(code).toBe('NATIVE_TOOLS');
    expect(message).toMatch(/Python 3, pip not found.*install.*python3?-pip.*run this again/);
    const program = `
      import { useNative } from '${backend}';
      import * as tf from '@tensorflow/tfjs-core';
      const { name } = await useNative({ training: true });
      console.log(name, tf.grad((x) => tf.square(x))(tf.scalar(3)).arraySync());`;
    expect(await run(program, env)).toMatchObject({ status: 0, stdout: 'cpu 6\n' });
  });

  test('no compiler', async () => {
    const PATH = await pathWith('npm', 'python3');
    const { status, stderr } = await run(install(), { CHAINRULE_CACHE: await temporary(), PATH });
    expect(status).toBe(1);
    expect(stderr).toMatch(/a C\+\+ compiler not found.*(g\+\+|gcc)/);
  });

  test('no network and no cache', async () => {
    const { cache, root } = await cacheWithKernels();
    const PIP_INDEX_URL = 'http://127.0.0.1:9/simple';
    const env = { CHAINRULE_CACHE: cache, PIP_INDEX_URL, PIP_FIND_LINKS: '', PIP_NO_INDEX: '0' };
    const { status, stderr } = await run(install(), env);
    expect(status).toBe(1);
    expect(stderr).toMatch(/pip could not download .*not in the cache. Check the network/);
    expect(await readdir(root)).toEqual([basename(installed.kernels)]);
  });

  test('a cache folder that can not be written', async () => {
    const { stdout } = await run(install('--json'), { CHAINRULE_CACHE: '/dev/null/cache' });
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, code: 'NATIVE_CACHE' });
    expect(stdout).toMatch(/can not be written \(ENOTDIR\).*set CHAINRULE_CACHE/);
  });

  test('CHAINRULE_LIBTENSORFLOW that points at nothing of the kind', async () => {
    const empty = await temporary();
    const cases = [
      ['/no/such/folder', 'there is no such folder'],
      [process.execPath, 'expected a folder, got a file'],
      [empty, 'expected libtensorflow_cc.so.2 or libtensorflow.so.2 in it'],
    ] as const;
    for (const [folder, message] of cases) {
      const env = { CHAINRULE_CACHE: await temporary(), CHAINRULE_LIBTENSORFLOW: folder };
      const { status, stderr } = await run(install(), env);
      expect(status).toBe(1);
      expect(stderr).toContain(`CHAINRULE_LIBTENSORFLOW=${folder}: ${message}`);
    }
  });

  test('a library without headers, and one that is no library', async () => {
    const folder = await temporary();
    await writeFile(join(folder, 'libtensorflow.so.2'), 'not a library');
    const { cache, root } = await cacheWithKernels();
    const env = { CHAINRULE_CACHE: cache, CHAINRULE_LIBTENSORFLOW: folder };
    expect((await run(install(), env)).stderr).toContain('found the library but no headers');
    const include = join(installed.library, 'include');
    await cp(include, join(folder, 'include'), { recursive: true });
    const { status, stderr } = await run(install(), env);
    expect(status).toBe(1);
    expect(stderr).toMatch(/does not compute: .*(file too short|invalid ELF header)\. Programs/);
    expect(await readdir(root)).toEqual([basename(installed.kernels)]);
  });
});

test('a download with another sha256 is refused and deleted', async () => {
  const { cache, root } = await cacheWithKernels();
  const pin = wheelForThisMachine();
  const wheel = join(root, 'downloads', pin.file);
  await mkdir(join(root, 'downloads'), { recursive: true });
  await writeFile(wheel, 'something else');
  const { status, stderr } = await run(install(), { CHAINRULE_CACHE: cache });
  expect(status).toBe(1);
  expect(stderr).toContain(`${pin.file} has sha256 f41f3fa6`);
  expect(stderr).toContain(`expected ${pin.sha256}; the download was damaged or replaced`);
  expect(existsSync(wheel)).toBe(false);
  expect(existsSync(join(root, basename(installed.library)))).toBe(false);
});

test('a killed install leaves nothing half-made; two at once then finish it', async () => {
  const { cache, root } = await cacheWithKernels();
  const env = { CHAINRULE_CACHE: cache, CHAINRULE_LIBTENSORFLOW: installed.library };
  const kernels = join(root, basename(installed.kernels));
  const before = (await stat(kernels)).ino;

  const killed = start(install(), env);
  await killed.seen('compiling');
  killed.kill('SIGKILL');
  await killed.ended;
  expect((await readdir(root)).filter((name) => name.startsWith('binding'))).toEqual([]);

  const [first, second] = await Promise.all([run(install('--json'), env), run(install(), env)]);
  expect(JSON.parse(first.stdout)).toMatchObject({ ok: true, version: '2.21.0' });
  expect(second).toMatchObject({ status: 0 });
  expect(second.stderr).toContain('another install is at work: waiting for it');
  const { bindingFolder, operationsFolder, operations } = nativePaths({ ...process.env, ...env });
  expect((await readdir(root)).sort()).toEqual(
    [bindingFolder, operationsFolder, kernels].map((path) => basename(path)),
  );
  expect(existsSync(operations)).toBe(true);
  expect((await stat(kernels)).ino).toBe(before);

  const program = `
    import { useNative } from '${backend}';
    console.log((await useNative()).name);`;
  expect(await run(program, env)).toEqual({ status: 0, stdout: 'tensorflow\n', stderr: '' });
});

test('an interrupt stops cleanly', async () => {
  const { cache, root } = await cacheWithKernels();
  const env = { CHAINRULE_CACHE: cache, CHAINRULE_LIBTENSORFLOW: installed.library };
  const child = start(install(), env);
  await child.seen('compiling');
  const asked = performance.now();
  child.kill('SIGINT');
  const { status, stderr } = await child.ended;
  expect(performance.now() - asked).toBeLessThan(2000);
  expect(status).toBe(130);
  expect(stderr).toContain('interrupted; what is finished is kept');
  expect(await readdir(root)).toEqual([basename(installed.kernels)]);
});

test('an install that is there already says so', async () => {
  const result = await installNative();
  expect(result).toMatchObject({ already: true, version: '2.21.0', folder: installed.root });
});
