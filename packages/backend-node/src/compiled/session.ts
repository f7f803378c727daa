import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import { savedModel } from './graphdef.js';
import type { NativeBackend } from './native.js';

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

/** The binding loads graphs from files only, so the graph goes through a temporary folder. */
export function openSession(backend: NativeBackend, nodes: readonly Uint8Array[]): Session {
  const folder = mkdtempSync(join(tmpdir(), 'chainrule-step-'));
  try {
    writeFileSync(join(folder, 'saved_model.pb'), savedModel(nodes, TAG));
    const id = backend.binding.loadSavedModel(folder, TAG);
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
