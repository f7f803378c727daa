import { ChainruleError } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { load, wasmFeatures } from './load.js';
import { agrees, probe } from './probe.js';
import { registerTrainingKernels } from './register.js';
import { rendersInSoftware } from './software.js';

export type WebBackendName = 'webgpu' | 'webgl' | 'wasm' | 'cpu';

export interface UseWebOptions {
  /**
   * Backends in the order in which they are tried. Default: webgpu, webgl, wasm, cpu; where the
   * browser draws in software, wasm comes first, since it is many times faster there.
   */
  readonly prefer?: readonly WebBackendName[];
  /**
   * Where the wasm backend's `.wasm` files are: a folder's address, ending in `/`, or the address
   * of each of the three. Default: beside the script, which a bundler seldom has.
   */
  readonly wasmPaths?: string | { readonly [file: string]: string };
  /**
   * Threads of the wasm backend, where the page is cross-origin isolated (otherwise it has 1).
   * Default: the number of logical cores.
   */
  readonly threads?: number;
}

export interface WebBackend {
  readonly name: WebBackendName;
  /** Of the wasm backend. */
  readonly simd?: boolean;
  /** Of the wasm backend. */
  readonly threads?: number;
}

/** A backend that does not answer within this time does not work, in ms. */
const PATIENCE = 30_000;

/**
 * Selects the first backend that really trains here: its package is loaded (each is an optional
 * peer, and none is loaded in vain), the missing kernels are registered, and a small training step
 * must give the right numbers; otherwise the next one is tried.
 *
 * The gradients must be registered, as `import '@tensorflow/tfjs'` does, or
 * `import '@tensorflow/tfjs-core/dist/register_all_gradients.js'` in a bundle.
 *
 * @throws ChainruleError `BACKEND` where none works, with what was wrong with each.
 * @example
 * const { name, threads } = await useWeb({ wasmPaths: '/wasm/' });
 */
export async function useWeb(options: UseWebOptions = {}): Promise<WebBackend> {
  if (tf.getGradient(tf.MaxPool) === undefined) {
    throw new ChainruleError(
      'BACKEND',
      "backend-web.useWeb: no gradients are registered; import '@tensorflow/tfjs' once, or " +
        "'@tensorflow/tfjs-core/dist/register_all_gradients.js' in a bundle",
    );
  }
  const failures: string[] = [];
  for (const name of options.prefer ?? order()) {
    try {
      return await within(PATIENCE, start(name, options));
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new ChainruleError(
    'BACKEND',
    `backend-web.useWeb: no backend trains here; ${failures.join('; ') || 'prefer names none'}`,
  );
}

async function start(name: WebBackendName, options: UseWebOptions): Promise<WebBackend> {
  await load(name, options);
  if (!(await tf.setBackend(name))) throw new Error('it does not start');
  registerTrainingKernels(name);
  const values = await probe();
  if (!agrees(values)) {
    throw new Error(`a training step gives wrong numbers (${values.join(', ')})`);
  }
  return name === 'wasm' ? { name, ...(await wasmFeatures()) } : { name };
}

function order(): readonly WebBackendName[] {
  return rendersInSoftware()
    ? ['wasm', 'webgl', 'webgpu', 'cpu']
    : ['webgpu', 'webgl', 'wasm', 'cpu'];
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
