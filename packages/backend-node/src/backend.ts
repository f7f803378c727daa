import { registerExecutor } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { compiled } from './compiled/index.js';
import { NATIVE, registerNative } from './load.js';

/** Which backend runs, and why. */
export interface Backend {
  /** `tensorflow` is the native one. */
  readonly name: 'tensorflow' | 'wasm' | 'cpu';
  /** Version of libtensorflow, or of the tfjs backend. */
  readonly version: string;
  /** Why it is not the native one; undefined when it is. */
  readonly reason?: string;
}

export interface UseNativeOptions {
  /**
   * The program trains. Without the native library it then runs on `cpu`, since `wasm` lacks
   * kernels that the gradients of convolution and pooling need. Default false.
   */
  readonly training?: boolean;
}

/**
 * Selects the native backend, or the best there is without it: `wasm`, then `cpu` (with
 * `training`, `cpu` at once). A fallback is said once, in one line on stderr.
 *
 * @example
 * ```ts
 * import { useNative } from '@chainrule/backend-node/backend';
 * const backend = await useNative({ training: true });
 * console.log(backend.name, backend.version); // tensorflow 2.21.0
 * ```
 */
export async function useNative(options: UseNativeOptions = {}): Promise<Backend> {
  const native = registerNative();
  if ('version' in native && (await tf.setBackend(NATIVE))) {
    registerExecutor(NATIVE, compiled);
    return { name: 'tensorflow', version: native.version };
  }
  const reason = 'reason' in native ? native.reason : 'native TensorFlow did not start';
  const name = !options.training && (await useWasm()) ? 'wasm' : await useCpu();
  sayOnce(
    `chainrule: ${reason}, so this runs on the slower ${name} backend; fix: npx chainrule-native install`,
  );
  return { name, version: tf.version_core, reason };
}

async function useWasm(): Promise<boolean> {
  try {
    if (!tf.findBackendFactory('wasm')) await import('@tensorflow/tfjs-backend-wasm');
    return await tf.setBackend('wasm');
  } catch {
    return false;
  }
}

async function useCpu(): Promise<'cpu'> {
  if (!tf.findBackendFactory('cpu')) await import('@tensorflow/tfjs-backend-cpu');
  await tf.setBackend('cpu');
  // Its first operation would print a banner that recommends a package that can not be installed.
  Object.assign(tf.backend(), { firstUse: false });
  return 'cpu';
}

const SAID = Symbol.for('@chainrule/backend-node:said');

function sayOnce(line: string): void {
  if (Reflect.get(globalThis, SAID)) return;
  Reflect.set(globalThis, SAID, true);
  process.stderr.write(`${line}\n`);
}
