import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isInstalled, isWholeLibrary, type NativePaths, nativePaths } from './cache.js';
import { type BindingCheck, checkBinding } from './check.js';
import { ensureBinding, ensureOperations } from './compile.js';
import { diskError, prepareFolder } from './disk.js';
import { ensureKernels } from './kernels.js';
import { ensureLibrary, findLibrary, wheelForThisMachine } from './library.js';
import { withLock } from './lock.js';
import type { OnProgress } from './progress.js';
import { findTools, requireTools, type ToolName } from './tools.js';

export { type NativePaths, nativePaths } from './cache.js';
export type { OnProgress, Progress, Stage } from './progress.js';

export interface InstallOptions {
  /** Called as the install goes on: stage, message, and where known fraction and seconds left. */
  readonly onProgress?: OnProgress;
  /** Ends the install; what is finished by then is kept for the next one. */
  readonly signal?: AbortSignal;
  /** Builds everything anew. Default false. */
  readonly force?: boolean;
}

export interface InstallResult extends BindingCheck {
  /** Folder of the native backend. */
  readonly folder: string;
  /** It was all there already. */
  readonly already: boolean;
  readonly seconds: number;
}

/**
 * Provisions the native backend in the cache folder (`CHAINRULE_CACHE`, else the platform's):
 * libtensorflow from TensorFlow's wheel through pip, the kernels of tfjs-node through npm, and the
 * binding between them through the C++ compiler. About 20 s on two cores, 850 MB on disk.
 *
 * Each stage is put in its place by a rename when it is whole, so an install that is killed leaves
 * nothing half-made, and the next one goes on from there. Two at the same time wait for each other.
 *
 * @throws ChainruleError with code `NATIVE_PLATFORM`, `NATIVE_TOOLS` (no Python, pip, compiler or
 * npm), `NATIVE_DOWNLOAD` (no network), `NATIVE_HASH`, `NATIVE_CACHE` (full or unwritable disk),
 * `NATIVE_COMPILE`, `NATIVE_CHECK` (does not compute here), `NATIVE_LIBRARY`
 * (`CHAINRULE_LIBTENSORFLOW` points at something else), or the signal's reason
 * @example
 * ```ts
 * import { installNative } from '@chainrule/backend-node/install';
 * const { version } = await installNative({ onProgress: (p) => console.log(p.message) });
 * ```
 */
export async function installNative(options: InstallOptions = {}): Promise<InstallResult> {
  const start = performance.now();
  const paths = nativePaths();
  const already = !options.force && isInstalled(paths);
  const built = already ? undefined : await build(paths, options);
  const check = built ?? (await checkBinding(paths.binding, options.signal));
  const seconds = Math.round((performance.now() - start) / 100) / 10;
  return { ...check, folder: paths.root, already, seconds };
}

async function build(
  paths: NativePaths,
  options: InstallOptions,
): Promise<BindingCheck | undefined> {
  const { onProgress = () => {}, force = false } = options;
  if (paths.ownLibrary) findLibrary(paths.library);
  else wheelForThisMachine();
  const needsLibrary = !paths.ownLibrary && (force || !isWholeLibrary(paths));
  const needed: ToolName[] = [];
  if (needsLibrary) needed.push('python', 'pip');
  if (force || !existsSync(paths.kernels)) needed.push('npm');
  const compiles = !existsSync(paths.binding) || !existsSync(paths.operationsFolder);
  if (force || compiles) needed.push('compiler');
  const tools = await findTools(options.signal);
  requireTools(tools, needed);
  await prepareFolder(paths.root, needsLibrary);

  const work = async (signal: AbortSignal) => {
    await sweep(paths, force);
    const staging = await mkdtemp(join(paths.root, 'tmp-'));
    const common = { staging, onProgress, signal };
    try {
      if (needsLibrary) await ensureLibrary(paths, { ...common, python: tools.python!.command });
      await ensureKernels(paths, common);
      const compiling = { ...common, compiler: tools.compiler?.command ?? 'g++' };
      const check = await ensureBinding(paths, compiling);
      await ensureOperations(paths, compiling);
      return check;
    } catch (error) {
      throw diskError(paths.root, error);
    } finally {
      await removeStaging(paths.root).catch(() => {});
    }
  };
  const onWait = () =>
    onProgress({ stage: 'wait', message: 'another install is at work: waiting for it' });
  return withLock(paths.root, work, { signal: options.signal, onWait });
}

/** Removes what killed installs have left behind, which the lock makes safe, and what is damaged. */
async function sweep(paths: NativePaths, force: boolean): Promise<void> {
  await removeStaging(paths.root);
  const remove = (path: string) => rm(path, { recursive: true, force: true });
  if (!paths.ownLibrary && (force || !isWholeLibrary(paths))) await remove(paths.library);
  if (force) await remove(paths.kernels);
  if (force || !existsSync(paths.binding)) await remove(paths.bindingFolder);
  if (force) await remove(paths.operationsFolder);
}

async function removeStaging(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (name.startsWith('tmp-')) await rm(join(root, name), { recursive: true, force: true });
  }
}
