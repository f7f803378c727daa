import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import { savedModel } from './graphdef.js';
import type { NativeBackend } from './native.js';
import { Uncapturable } from './tracer.js';

/** A TensorFlow session over one graph, with the variables in it. */
export interface Session {
  /** Runs what `fetches` need and returns them. Names are of tensors, `node:0`. */
  run(
    feeds: readonly { readonly name: string; readonly tensor: tf.TensorInfo }[],
    fetches: readonly string[],
  ): tf.Tensor[];
  dispose(): void;
}

const TAG = 'serve';

function load(backend: NativeBackend, folder: string): number {
  try {
    return backend.binding.loadSavedModel(folder, TAG);
  } catch (error) {
    // TensorFlow refuses a node: it says which, "{{node step_0/Einsum_7}}".
    const message = error instanceof Error ? error.message : String(error);
    throw new Uncapturable(/step_\d+\/(\w+?)_\d+/.exec(message)?.[1] ?? 'the graph', message);
  }
}

/**
 * By default a session hands operations to as many threads as there are cores. Where that gains nothing
 * (parallelism.ts) it runs them one after the other on the thread that called it, which saves 0.1 ms a
 * run and more where there are many. TensorFlow reads the variable with the first session of a
 * process, for all that follow; a number that the user has set is kept.
 */
function withThreads<T>(branches: boolean, open: () => T): T {
  if (branches || process.env.TF_NUM_INTEROP_THREADS !== undefined) return open();
  process.env.TF_NUM_INTEROP_THREADS = '-1';
  try {
    return open();
  } finally {
    // Other processes that this one starts decide for themselves.
    delete process.env.TF_NUM_INTEROP_THREADS;
  }
}

/** The binding loads graphs from files only, so the graph goes through a temporary folder. */
export function openSession(
  backend: NativeBackend,
  nodes: readonly Uint8Array[],
  branches: boolean,
): Session {
  const folder = mkdtempSync(join(tmpdir(), 'chainrule-step-'));
  try {
    writeFileSync(join(folder, 'saved_model.pb'), savedModel(nodes, TAG));
    const id = withThreads(branches, () => load(backend, folder));
    return {
      run: (feeds, fetches) =>
        backend.runSavedModel(
          id,
          feeds.map(({ tensor }) => tensor),
          feeds,
          fetches,
        ),
      dispose: () => backend.binding.deleteSavedModel(id),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
