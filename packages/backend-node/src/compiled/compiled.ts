import {
  type Execution,
  type Executor,
  eager,
  type Metrics,
  type MetricValues,
  type Step,
  type Tree,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { openGraphs } from './graphs.js';
import { registerKernels } from './kernels.js';
import { type NativeBackend, nativeBackend } from './native.js';
import type { AnyStep } from './recorder.js';
import { openStore } from './store.js';
import { Uncapturable } from './tracer.js';
import { warnOnce } from './warn.js';

export interface CompiledOptions {
  /** Graphs that are kept, one for each set of input shapes; the least recently used goes. Default 8. */
  readonly cache?: number;
}

/**
 * Runs a step as one call of a TensorFlow session.
 *
 * The first run with a given set of shapes records the step and compiles it; the state then lives
 * in the session, until `read` brings a copy back. What would silently freeze in the recording is
 * an error that names the line to change: reading a tensor's data, randomness that does not come
 * from the step's key, numbers that change from run to run. A step with an operation that can not
 * be recorded runs eagerly, with one warning that names it.
 *
 * @throws ChainruleError `NO_NATIVE` from `prepare` without the native backend; from `run`:
 * `TRACED_READ`, `TRACED_RANDOM`, `TRACED_CHANGE`, `STATE_SHAPE`.
 *
 * @example
 * const execution = compiled().prepare(step, state);
 * for await (const batch of batches) console.log(await execution.run(batch, foldIn(key(0), n++)));
 * const trained = await execution.read();
 */
export function compiled({ cache = 8 }: CompiledOptions = {}): Executor {
  return {
    name: 'compiled',
    prepare(step, initial) {
      const backend = nativeBackend();
      registerKernels();
      return prepare(backend, step, initial, cache);
    },
  };
}

function prepare<S extends Tree<tf.Tensor>, B extends object, M extends Metrics>(
  backend: NativeBackend,
  step: Step<S, B, M>,
  initial: S,
  cache: number,
): Execution<S, B, M> {
  const store = openStore(backend, initial);
  const graphs = openGraphs(backend, step as unknown as AnyStep, initial, store, cache);
  let fallback: Execution<S, B, M> | undefined;

  return {
    async run(batch, key) {
      if (fallback) return fallback.run(batch, key);
      try {
        const entry = graphs.of(batch, key);
        const outputs = graphs.run(entry, batch, key);
        const values = entry.recording.graph.metrics.map(
          ([name], i) => [name, outputs[i]!.dataSync()[0]] as const,
        );
        tf.dispose(outputs);
        return Object.fromEntries(values) as MetricValues<M>;
      } catch (error) {
        if (!(error instanceof Uncapturable)) throw error;
        warnOnce(error.operation);
        fallback = eager().prepare(step, store.read());
        store.dispose();
        return fallback.run(batch, key);
      }
    },
    read: async () => (fallback ? fallback.read() : store.read()),
    write: async (state) => (fallback ? fallback.write(state) : store.write(state)),
    dispose() {
      fallback?.dispose();
      store.dispose();
      graphs.clear();
    },
  };
}
