import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ChainruleError } from '@chainrule/tensor';
import { extract } from 'tar';
import type { NativePaths } from './cache.js';
import { type PackagePin, PROTOBUF, TFJS_NODE } from './pins.js';
import type { OnProgress } from './progress.js';
import { run } from './run.js';
import { outputOf } from './tools.js';

/** Under this name in the global scope the kernels find the application's own tfjs-core. */
export const CORE_SYMBOL = '@chainrule/backend-node:tfjs-core';

/*
 * tfjs-node's files require the union package `@tensorflow/tfjs`, of which the kernels use
 * tfjs-core alone, and one file requires tfjs-core. This stand-in for both hands them the copy that the application has loaded, so there is
 * one set of classes in the process and nothing is registered twice.
 */
const STAND_IN = `module.exports = globalThis[Symbol.for('${CORE_SYMBOL}')];\n`;

export interface KernelOptions {
  readonly staging: string;
  readonly onProgress: OnProgress;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Puts tfjs-node in its place, unless it is there already. Its own install script, which fetches
 * from a bucket that refuses everyone, does not run.
 */
export async function ensureKernels(paths: NativePaths, options: KernelOptions): Promise<void> {
  if (existsSync(paths.kernels)) return;
  const { staging, onProgress, signal } = options;
  onProgress({ stage: 'kernels', message: `fetching ${TFJS_NODE.name} ${TFJS_NODE.version}` });
  const folder = join(staging, 'kernels');
  const modules = join(folder, 'node_modules');
  await unpack(TFJS_NODE, folder, staging, signal);
  await unpack(PROTOBUF, join(modules, PROTOBUF.name), staging, signal);
  for (const name of ['tfjs', 'tfjs-core']) {
    const standIn = join(modules, '@tensorflow', name);
    await mkdir(standIn, { recursive: true });
    await writeFile(join(standIn, 'index.js'), STAND_IN);
  }
  await rename(folder, paths.kernels);
}

async function unpack(
  pin: PackagePin,
  folder: string,
  staging: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const spec = `${pin.name}@${pin.version}`;
  // In the caller's folder, so that its .npmrc (mirror, proxy) counts.
  const args = ['pack', spec, '--json', '--ignore-scripts', '--pack-destination', staging];
  args.push('--fetch-retries', '1', '--fetch-retry-mintimeout', '1000');
  const result = await run('npm', args, { signal });
  const name = /"filename":\s*"([^"]+)"/.exec(result.stdout)?.[1];
  if (result.status !== 0 || !name) {
    throw new ChainruleError(
      'NATIVE_DOWNLOAD',
      `chainrule-native: npm could not fetch ${spec}, and it is not in the cache. Check the network and npm's registry and proxy settings (\`npm config list\`), then run this again. npm said:\n${outputOf(result)}`,
    );
  }
  // npm before 9 reports `@scope/name-1.0.0.tgz`, and writes `scope-name-1.0.0.tgz`.
  const file = join(staging, name.replace(/^@/, '').replace('/', '-'));
  const actual = `sha512-${createHash('sha512')
    .update(await readFile(file))
    .digest('base64')}`;
  if (actual !== pin.integrity) {
    throw new ChainruleError(
      'NATIVE_HASH',
      `chainrule-native: ${spec} has integrity ${actual}, expected ${pin.integrity}; it was damaged or replaced on the way. Run this again, and if it repeats, distrust the mirror or proxy that npm uses.`,
    );
  }
  await mkdir(folder, { recursive: true });
  await extract({ file, cwd: folder, strip: 1 });
}
