import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import { savedModel } from './graphdef.js';
import type { NativeBackend } from './native.js';
import { intField, message } from './protobuf.js';
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

/** How many threads a session has. */
export interface Threads {
  /** Whether operations run beside each other, which gains something where a graph has branches. */
  readonly beside: boolean;
  /** Whether operations share their work among all cores, which gains something where they are large. */
  readonly within: boolean;
}

/**
 * By default a session hands operations to as many threads as there are cores, and large ones share
 * their own work among as many more. Where that gains nothing (parallelism.ts) it is slower, since a
 * thread takes longer to wake than a small operation to run: 0.1 ms a step and more. The binding takes
 * a session's options from a variable: native/session.h. A number of threads that the user has set is
 * kept where it is smaller.
 */
function withThreads<T>({ beside, within }: Threads, open: () => T): T {
  const caller =
    beside || process.env.TF_NUM_INTEROP_THREADS !== undefined ? [] : [intField(5, -1)];
  const config = message(...(within ? [] : [intField(2, 1)]), ...caller);
  process.env.CHAINRULE_SESSION = Buffer.from(config).toString('hex');
  try {
    return open();
  } finally {
    // Other processes that this one starts decide for themselves.
    delete process.env.CHAINRULE_SESSION;
  }
}

/** The binding loads graphs from files only, so the graph goes through a temporary folder. */
export function openSession(
  backend: NativeBackend,
  nodes: readonly Uint8Array[],
  threads: Threads,
): Session {
  const folder = mkdtempSync(join(tmpdir(), 'chainrule-step-'));
  try {
    writeFileSync(join(folder, 'saved_model.pb'), savedModel(nodes, TAG));
    const id = withThreads(threads, () => load(backend, folder));
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
