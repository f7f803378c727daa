import * as tf from '@tensorflow/tfjs-core';
import { computesInSoftware } from './software.js';
import type { UseWebOptions, WebBackendName } from './use-web.js';
import { setThreads, simdOf } from './wasm/simd.js';

type WasmPackage = typeof import('@tensorflow/tfjs-backend-wasm');

/** Loads a backend's package unless the program has it already, and sets it up. */
export async function load(name: WebBackendName, options: UseWebOptions): Promise<void> {
  if (name === 'wasm') return loadWasm(options);
  // Seen with SwiftShader: right losses, and gradients that are zero or garbage now and then.
  if (name === 'webgpu' && (await computesInSoftware())) {
    throw new Error('its adapter is the processor, where gradients come out wrong');
  }
  if (tf.findBackendFactory(name)) return;
  if (name === 'webgpu') await import('@tensorflow/tfjs-backend-webgpu');
  else if (name === 'webgl') await import('@tensorflow/tfjs-backend-webgl');
  else await import('@tensorflow/tfjs-backend-cpu');
}

async function loadWasm({ wasmPaths, threads }: UseWebOptions): Promise<void> {
  const wasm = await wasmPackage();
  // Set up already: paths and threads can no longer change.
  if (tf.engine().registry.wasm) return;
  if (wasmPaths !== undefined)
    wasm.setWasmPaths(wasmPaths as Parameters<WasmPackage['setWasmPaths']>[0]);
  if (threads === 1) tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  if (threads === undefined) return;
  wasm.setThreadsCount(threads);
  setThreads(threads);
}

/** SIMD and threads of the wasm backend that runs. */
export async function wasmFeatures(): Promise<{ simd: boolean; threads: number }> {
  const simd = Boolean(await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT'));
  return { simd, threads: simdOf(tf.backend())?.threads.count ?? 1 };
}

/** Under Node, where the package is CommonJS, some loaders give its exports only as `default`. */
async function wasmPackage(): Promise<WasmPackage> {
  const loaded = await import('@tensorflow/tfjs-backend-wasm');
  return 'setWasmPaths' in loaded ? loaded : (loaded as { default: WasmPackage }).default;
}
