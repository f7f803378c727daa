import {
  ChainruleError,
  cloneTree,
  disposeTree,
  flatten,
  key,
  mapTree,
  type Tree,
  tidy,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { padToBucket } from './bucket.js';
import { type Entry, openGraphs } from './graphs.js';
import { registerKernels } from './kernels.js';
import { nativeBackend } from './native.js';
import type { AnyStep } from './recorder.js';
import { openStore } from './store.js';
import { Uncapturable } from './tracer.js';
import { warnOnce } from './warn.js';

export interface CompiledFunctionOptions {
  /** Batches are padded to one of a few sizes up to this one, and beyond it to multiples. Default 256. */
  readonly largest?: number;
  /** Graphs that are kept, one for each set of padded shapes; the least recently used goes. Default 16. */
  readonly cache?: number;
}

/** A function of a batch with its parameters in a session. */
export interface CompiledFunction<I, O> {
  /** One session call. The input stays the caller's, who also owns the output. */
  run(input: I): O;
  dispose(): void;
}

/**
 * A pure function of parameters and a batch, such as a module's `apply`, as one call of a
 * TensorFlow session a batch. The parameters are copied into the session.
 *
 * Batches of any size share a few graphs: each is padded, by its last row, to the next power of
 * two, and the output is cut to the examples. So each example's output must not depend on the other
 * examples, and each leaf of input and output has one row an example along its first axis. In a
 * multimodal input `{ inputs, rows }` the inputs that `rows` points into are padded on their own.
 *
 * As in a compiled step, the function must not read data, nor draw random numbers or use numbers
 * that change. With an operation that can not be recorded it runs eagerly, with one warning.
 *
 * @throws ChainruleError `NO_NATIVE` without the native backend; from `run`: `SHAPE` where rows do
 * not fit, `EMPTY_BATCH`, `DISPOSED`, `TRACED_READ`, `TRACED_RANDOM`, `TRACED_CHANGE`.
 *
 * @example
 * const model = compiledFunction(trained.model.apply, trained.params);
 * const logits = model.run({ inputs: { image, text } });
 * model.dispose();
 */
export function compiledFunction<
  P extends Tree<tf.Tensor>,
  I extends object,
  O extends Tree<tf.Tensor>,
>(
  apply: (params: P, input: I) => O,
  params: P,
  { largest = 256, cache = 16 }: CompiledFunctionOptions = {},
): CompiledFunction<I, O> {
  const backend = nativeBackend();
  registerKernels();
  if (!Number.isInteger(largest) || largest < 1) {
    throw new ChainruleError(
      'OPTION',
      `compiledFunction: largest must be a whole number from 1 on, got ${largest}`,
    );
  }
  const own = keepTree(params);
  const store = openStore(backend, own);
  // The paths of the output that was recorded last, in its structure.
  let latest: Tree<string> = '';
  const structures = new WeakMap<Entry, Tree<string>>();
  const step = (state: P, { input }: { readonly input: I }) => {
    const output = apply(state, input);
    latest = mapTree(output as Tree<tf.Tensor>, (_: tf.Tensor, path) => path);
    return { state, metrics: Object.fromEntries(flatten(output as Tree<tf.Tensor>)) };
  };
  const graphs = openGraphs(backend, step as unknown as AnyStep, own, store, cache);
  let fallback: P | undefined;
  let disposed = false;

  function runCompiled(input: I): O {
    return tidy(() => {
      const { input: padded, examples, size } = padToBucket(input, largest);
      const batch = { input: padded };
      const entry = graphs.of(batch, KEY);
      if (!structures.has(entry)) structures.set(entry, latest);
      const tensors = graphs.run(entry, batch, KEY);
      const named = entry.recording.graph.metrics.map(([path], i): [string, tf.Tensor] => [
        path,
        cut(path, tensors[i]!, examples, size),
      ]);
      const byPath = new Map(named);
      return mapTree<tf.Tensor, string>(structures.get(entry)!, (path) => byPath.get(path)!) as O;
    });
  }

  return {
    run(input) {
      if (disposed) {
        throw new ChainruleError('DISPOSED', 'compiledFunction: this function has been disposed');
      }
      try {
        if (fallback === undefined) return runCompiled(input);
      } catch (error) {
        if (!(error instanceof Uncapturable)) throw error;
        warnOnce(error.operation);
        const read = store.read();
        fallback = keepTree(read);
        disposeTree(read);
        store.dispose();
      }
      // What passes through unchanged must not be the caller's very tensor.
      return tidy(() => cloneTree(apply(fallback!, input)));
    },
    dispose() {
      if (!disposed) {
        store.dispose();
        if (fallback !== undefined) disposeTree(fallback);
      }
      graphs.clear();
      disposed = true;
    },
  };
}

/** A copy that outlives any tidy around. */
function keepTree<P extends Tree<tf.Tensor>>(tree: P): P {
  return mapTree(tree, (leaf: tf.Tensor) => tf.keep(tf.clone(leaf))) as P;
}

/** Inference draws nothing. */
const KEY = key(0);

/** The examples' rows of an output. */
function cut(path: string, output: tf.Tensor, examples: number, size: number): tf.Tensor {
  if (output.shape[0] !== size) {
    throw new ChainruleError(
      'SHAPE',
      `compiledFunction: the output${path ? ` "${path}"` : ''} must have one row an example, ${size} ` +
        `here with padding, got [${output.shape}]; reduce over the batch outside the function`,
    );
  }
  return examples === size ? output : tf.slice(output, 0, examples);
}
