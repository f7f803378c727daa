import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { build, preview } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchChromium } from '../lib/chromium.mjs';
import { packAll, publicPackages, publishAll, startRegistry } from '../lib/local-registry.mjs';
import { root, run } from '../lib/run.mjs';
import { pnpmSpec } from '../lib/setup.mjs';
import { emptyProject } from './registry.js';

const consumer = (name: string) => fileURLToPath(new URL(`consumer/${name}`, import.meta.url));
const names: string[] = publicPackages().map(({ manifest }) => manifest.name);
const peers = ['@tensorflow/tfjs-core@4.22.0', '@tensorflow/tfjs-backend-cpu@4.22.0'];

let registry: Awaited<ReturnType<typeof startRegistry>>;
let tarballs: { [name: string]: string };

beforeAll(async () => {
  registry = await startRegistry();
  tarballs = await packAll(join(registry.folder, 'tarballs'));
  await publishAll(tarballs, registry);
});
afterAll(() => registry?.close());

describe.each(names)('%s as published', (name) => {
  test('has clean exports and files (publint)', async () => {
    const data = readFileSync(tarballs[name]!);
    const tarball = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
    const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  test('has types that resolve (attw)', async () => {
    const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');
    const options = ['--profile', 'esm-only', '--no-emoji', '--no-color'];
    const { code, output } = await run(process.execPath, [attw, tarballs[name]!, ...options], {
      check: false,
    });
    expect(code, output).toBe(0);
  });
});

describe('@chainrule/fusion and @chainrule/losses alone', () => {
  let project: ReturnType<typeof emptyProject>;
  beforeAll(async () => {
    project = emptyProject(registry, 'alone');
    await project.run('npm', 'install', '@chainrule/fusion', '@chainrule/losses', ...peers);
  });

  test('bring no other package of ours than the shared interface', () => {
    const installed = readdirSync(join(project.folder, 'node_modules/@chainrule'));
    expect(installed.sort()).toEqual(['fusion', 'losses', 'tensor']);
  });

  test('run in plain Node on the cpu backend', async () => {
    copyFileSync(consumer('node.mjs'), join(project.folder, 'program.mjs'));
    const { stdout } = await project.run(process.execPath, 'program.mjs');
    // z = x + y = [4, -2]; z - target = [3, -3]; ½ (9 + 9) = 9.
    expect(JSON.parse(stdout)).toEqual({ backend: 'cpu', z: [4, -2], loss: 9, gated: [1, 3] });
  });

  test('run in Chromium, bundled by Vite', async () => {
    copyFileSync(consumer('browser.mjs'), join(project.folder, 'page.mjs'));
    const page = '<!doctype html><script type="module" src="/page.mjs"></script>';
    writeFileSync(join(project.folder, 'index.html'), page);
    const config = { root: project.folder, logLevel: 'error', configFile: false } as const;
    await build(config);
    const server = await preview({ ...config, preview: { port: 0, host: '127.0.0.1' } });
    const browser = await launchChromium();
    try {
      const tab = await browser.newPage();
      const errors: string[] = [];
      tab.on('pageerror', (error) => errors.push(error.message));
      await tab.goto(server.resolvedUrls!.local[0]!);
      await tab
        .waitForFunction('globalThis.result', undefined, { timeout: 20_000 })
        .catch(() => {});
      expect(errors).toEqual([]);
      // The gradient of ½‖x + y − target‖² by x is z − target.
      expect(await tab.evaluate('globalThis.result')).toEqual({
        backend: 'cpu',
        gradient: [3, -3],
      });
    } finally {
      await browser.close();
      await server.close();
    }
  });
});

describe('@chainrule/backend-node', () => {
  const managers = [
    { manager: 'npm@10.9.9', install: 'install' },
    { manager: 'npm@11.21.2', install: 'install' },
    { manager: pnpmSpec, install: 'add' },
  ];
  test.each(managers)('installs plainly with $manager, and natively on request', async (use) => {
    const project = emptyProject(registry, 'backend');
    await project.run(
      'npx',
      '--yes',
      use.manager,
      use.install,
      '@chainrule/backend-node',
      peers[0]!,
    );

    // Nothing in the tree asks to run at install, and nothing in it is native.
    const modules = join(project.folder, 'node_modules');
    const files = readdirSync(modules, { recursive: true, encoding: 'utf8' });
    const manifests = files.filter((path) =>
      /(^|node_modules\/)(@[^/]+\/)?[^/]+\/package\.json$/.test(path),
    );
    const scripted = manifests.filter((path) => {
      const { scripts = {} } = JSON.parse(readFileSync(join(modules, path), 'utf8'));
      return scripts.preinstall || scripts.install || scripts.postinstall;
    });
    expect(manifests.length).toBeGreaterThan(5);
    expect(scripted).toEqual([]);
    expect(files.filter((path) => /\.(node|so|so\.[\d.]+|dll|dylib|gyp)$/.test(path))).toEqual([]);

    copyFileSync(consumer('native.mjs'), join(project.folder, 'program.mjs'));
    await project.run('npx', 'chainrule-native', 'install');
    const { stdout } = await project.run(process.execPath, 'program.mjs');
    expect(JSON.parse(stdout)).toEqual({ backend: 'tensorflow', gradient: [2, 4, 6] });
    project.remove();
  });
});
