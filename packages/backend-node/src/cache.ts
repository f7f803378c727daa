import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { TENSORFLOW_VERSION, TFJS_NODE } from './pins.js';

export type Env = { readonly [name: string]: string | undefined };

/**
 * Folder for everything Chainrule downloads: `CHAINRULE_CACHE`, else the platform's standard
 * (`$XDG_CACHE_HOME/chainrule` or `~/.cache/chainrule`, `~/Library/Caches/chainrule`,
 * `%LOCALAPPDATA%\chainrule\Cache`). It lies outside node_modules, so projects share it and a
 * reinstall keeps it.
 */
export function cacheFolder(
  env: Env = process.env,
  platform: string = process.platform,
  home: string = homedir(),
): string {
  if (env.CHAINRULE_CACHE) return resolve(env.CHAINRULE_CACHE);
  if (platform === 'win32') {
    return join(env.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'chainrule', 'Cache');
  }
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'chainrule');
  return join(env.XDG_CACHE_HOME || join(home, '.cache'), 'chainrule');
}

/** Where each part of the native backend lies. Each folder appears whole, by a rename, or not at all. */
export interface NativePaths {
  /** Parent of all the others. */
  readonly root: string;
  /** Verified downloads, kept until the library is extracted. */
  readonly downloads: string;
  /** Folder with libtensorflow; the user's own with `CHAINRULE_LIBTENSORFLOW`. */
  readonly library: string;
  readonly ownLibrary: boolean;
  /** tfjs-node's kernels and C++ source. */
  readonly kernels: string;
  /** Folder of the compiled binding. It is there only if it has passed its check. */
  readonly bindingFolder: string;
  readonly binding: string;
  /** Loaded before the binding, where it is there: native/quiet.cc. */
  readonly quiet: string;
  /** Folder of TensorFlow operations of our own, and the module that registers them: native/operations.cc. */
  readonly operationsFolder: string;
  readonly operations: string;
}

/** Counted up with every change of native/session.h. */
const BINDING = 2;
/** Counted up with every change of the operations in native. */
const OPERATIONS = 20;

export function nativePaths(env: Env = process.env): NativePaths {
  // The number is the layout's: a release that arranges things otherwise counts it up.
  const root = join(cacheFolder(env), 'native-1');
  const kernels = join(root, `tfjs-node-${TFJS_NODE.version}`);
  const own = env.CHAINRULE_LIBTENSORFLOW;
  const platform = `${process.platform}-${process.arch}`;
  const id = own ? `own-${platform}-${fingerprint(own)}` : `${TENSORFLOW_VERSION}-${platform}`;
  const bindingFolder = join(root, `binding-${BINDING}-${TFJS_NODE.version}-${id}`);
  const operationsFolder = join(root, `operations-${OPERATIONS}-${id}`);
  return {
    root,
    downloads: join(root, 'downloads'),
    library: own ? resolve(own) : join(root, `tensorflow-${id}`),
    ownLibrary: Boolean(own),
    kernels,
    bindingFolder,
    binding: join(bindingFolder, 'tfjs_binding.node'),
    quiet: join(bindingFolder, 'quiet.node'),
    operationsFolder,
    operations: join(operationsFolder, 'operations.node'),
  };
}

/** One binding for each library folder, since its path is compiled in. */
function fingerprint(folder: string): string {
  const path = existsSync(folder) ? realpathSync(folder) : resolve(folder);
  return createHash('sha256').update(path).digest('hex').slice(0, 12);
}

/** Whether the cached library has its parts; the user's own is examined by `findLibrary`. */
export function isWholeLibrary(paths: NativePaths): boolean {
  const parts = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2', 'include'];
  return parts.every((name) => existsSync(join(paths.library, name)));
}

/** Whether everything is in its place. That it computes was checked when it was put there. */
export function isInstalled(paths: NativePaths): boolean {
  const library = paths.ownLibrary ? existsSync(paths.library) : isWholeLibrary(paths);
  const compiled = existsSync(paths.binding) && existsSync(paths.operationsFolder);
  return library && existsSync(paths.kernels) && compiled;
}
