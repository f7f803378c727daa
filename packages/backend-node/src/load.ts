import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
// Loaded for what it does: it registers the gradients of all of tfjs-core's operations.
import '@tensorflow/tfjs-layers';
import { type Env, isInstalled, type NativePaths, nativePaths } from './cache.js';
import { registerKernels } from './compiled/kernels.js';
import { CORE_SYMBOL } from './kernels.js';
import { findLibrary } from './library.js';
import { loadOperations } from './operations.js';

/** Name under which the native backend is registered with tfjs. */
export const NATIVE = 'tensorflow';

/** The part of the binding's interface that is used here. */
interface Binding {
  readonly TF_Version: string;
}

const require = createRequire(import.meta.url);

/**
 * Registers the native backend with tfjs-core, without selecting it.
 *
 * @returns libtensorflow's version, or why there is no native backend
 */
export function registerNative(env: Env = process.env): { version: string } | { reason: string } {
  const paths = nativePaths(env);
  try {
    const known = tf.findBackend(NATIVE) as (tf.KernelBackend & { binding: Binding }) | null;
    if (known) return { version: known.binding.TF_Version };
    if (!isInstalled(paths)) {
      if (paths.ownLibrary) findLibrary(paths.library);
      return { reason: 'native TensorFlow is not installed' };
    }
    return { version: load(paths) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { reason: `native TensorFlow did not load (${message.split('\n')[0]})` };
  }
}

function load(paths: NativePaths): string {
  quietTensorFlow(paths);
  // So that each session may have as many threads as its operations gain from: session.ts.
  process.env.TF_OVERRIDE_GLOBAL_THREADPOOL ??= '1';
  restoreUtil();
  const binding = require(paths.binding) as Binding;
  loadOperations(paths);
  Reflect.set(globalThis, Symbol.for(CORE_SYMBOL), tf);
  const part = (name: string) => require(join(paths.kernels, 'dist', name));
  part('register_all_kernels.js');
  registerKernels();
  const { NodeJSKernelBackend } = part('nodejs_kernel_backend.js');
  tf.registerBackend(NATIVE, () => new NodeJSKernelBackend(binding, '@tensorflow/tfjs-node'), 3);
  const { nodeFileSystemRouter } = part('io/file_system.js');
  tf.io.registerLoadRouter(nodeFileSystemRouter);
  tf.io.registerSaveRouter(nodeFileSystemRouter);
  return binding.TF_Version;
}

/**
 * TensorFlow prints banners as information and warnings (levels 0 and 1); errors stay. A level that
 * the user has set is kept.
 */
function quietTensorFlow({ quiet, library }: NativePaths): void {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  if (process.env.TF_CPP_MIN_LOG_LEVEL === '0' || !existsSync(quiet)) return;
  const framework = findLibrary(library).files.at(-1);
  (require(quiet) as { load(path: string | undefined): void }).load(framework);
}

/** tfjs-node calls two functions that Node 22 deprecates aloud and Node 23 removed. */
function restoreUtil(): void {
  if (Number.parseInt(process.versions.node, 10) < 22) return;
  Object.assign(util, {
    isArray: Array.isArray,
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
  });
}
