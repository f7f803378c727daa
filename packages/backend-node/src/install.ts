import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type NativePaths, nativePaths } from './cache.js';
import { type BindingCheck, checkBinding } from './check.js';
import { ensureBinding } from './compile.js';
import { ensureKernels } from './kernels.js';
import { ensureLibrary, findLibrary, wheelForThisMachine } from './library.js';
import type { OnProgress } from './progress.js';
import { findTools, requireTools } from './tools.js';

export interface InstallOptions {
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

export interface InstallResult extends BindingCheck {
  readonly cache: string;
  readonly seconds: number;
}

export async function installNative(options: InstallOptions = {}): Promise<InstallResult> {
  const start = performance.now();
  const paths = nativePaths();
  const onProgress = options.onProgress ?? (() => {});
  const { signal } = options;
  if (!existsSync(paths.binding) || !existsSync(paths.kernels)) {
    await build(paths, onProgress, signal);
  }
  const check = await checkBinding(paths.binding, signal);
  return { ...check, cache: paths.root, seconds: (performance.now() - start) / 1000 };
}

async function build(paths: NativePaths, onProgress: OnProgress, signal?: AbortSignal) {
  if (paths.ownLibrary) findLibrary(paths.library);
  else wheelForThisMachine();
  const tools = await findTools(signal);
  requireTools(tools, ['python', 'pip', 'compiler', 'npm']);
  await mkdir(paths.root, { recursive: true });
  for (const name of await readdir(paths.root)) {
    if (name.startsWith('tmp-')) await rm(join(paths.root, name), { recursive: true, force: true });
  }
  const staging = await mkdtemp(join(paths.root, 'tmp-'));
  try {
    const common = { staging, onProgress, signal };
    if (!paths.ownLibrary) await ensureLibrary(paths, { ...common, python: tools.python!.command });
    await ensureKernels(paths, common);
    await ensureBinding(paths, { ...common, compiler: tools.compiler!.command });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}
