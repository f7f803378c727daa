import {
  ChainruleError,
  type Execution,
  type Executor,
  eager,
  flatten,
  isTensor,
  type Key,
  type Metrics,
  type MetricValues,
  type Step,
  type Tree,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { type Program, program } from './graphdef.js';
import { registerKernels } from './kernels.js';
import { type DataId, type NativeBackend, nativeBackend } from './native.js';
import { type AnyStep, batchArgument, KEY_ARGUMENT, type Recording, record } from './recorder.js';
import { replay } from './replay.js';
import { rewrite } from './rewrite.js';
import { type Leaf, openStore } from './store.js';
import { Uncapturable } from './tracer.js';
import { bindState } from './variables.js';

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

/** One compiled set of shapes. */
interface Entry {
  readonly recording: Recording;
  readonly program: Program;
  /** How often it has run. */
  runs: number;
}

/** A graph is checked against its step again after 8, 64, 512 … runs. */
const RECHECK = 8;

function prepare<S extends Tree<tf.Tensor>, B extends object, M extends Metrics>(
  backend: NativeBackend,
  step: Step<S, B, M>,
  initial: S,
  cache: number,
): Execution<S, B, M> {
  const store = openStore(backend, initial);
  const untyped = step as unknown as AnyStep;
  // In order of use, so the first is the one to drop.
  const entries = new Map<string, Entry>();
  let fallback: Execution<S, B, M> | undefined;
  let serial = 0;

  const check = ({ recording }: Pick<Entry, 'recording'>, batch: B, key: Key) =>
    replay(backend, untyped, recording, initial, batch, key);

  function compile(signature: string, batch: B, key: Key): Entry {
    const recording = record(backend, untyped, initial, batch, key);
    checkState(store.leaves, recording);
    check({ recording }, batch, key);
    const { metrics, effects } = bindState(rewrite(recording.graph), store.handles);
    const fetches = metrics.map(([, ref]) => ref);
    const entry = { recording, program: program(`step_${serial++}`, fetches, effects), runs: 0 };
    const [oldest] = entries.keys();
    if (entries.size >= cache) entries.delete(oldest!);
    store.reopen([...entries.values(), entry].flatMap((each) => each.program.nodes));
    entries.set(signature, entry);
    return entry;
  }

  function execute({ program, recording }: Entry, batch: B, key: Key): MetricValues<M> {
    const leaves = flatten<tf.Tensor>(batch as Tree<tf.Tensor>);
    const byName = new Map(leaves.map(([path, leaf]) => [batchArgument(path), leaf]));
    return tf.tidy(() => {
      byName.set(KEY_ARGUMENT, tf.tensor1d([key.base[0] | 0, key.base[1] | 0], 'int32'));
      const feeds = program.feeds.map(({ name, source }) => ({
        name,
        tensor: typeof source === 'string' ? byName.get(source)! : captured(backend, source),
      }));
      const outputs = store.session()!.run(feeds, program.fetches);
      const names = recording.graph.metrics.map(([name]) => name);
      // Numbers, which tidy lets through.
      return Object.fromEntries(names.map((name, i) => [name, outputs[i]!.dataSync()[0]])) as never;
    });
  }

  return {
    async run(batch, key) {
      if (fallback) return fallback.run(batch, key);
      const signature = signatureOf(batch, key);
      try {
        const entry = entries.get(signature) ?? compile(signature, batch, key);
        entries.delete(signature);
        entries.set(signature, entry);
        if (isPower(entry.runs++, RECHECK)) check(entry, batch, key);
        return execute(entry, batch, key);
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
      entries.clear();
    },
  };
}

/** What a graph depends on: shapes, types, and whatever in the batch is no tensor. */
function signatureOf(batch: object, key: Key): string {
  const parts = flatten(batch as Tree<tf.Tensor>).map(([path, leaf]) =>
    isTensor(leaf) ? `${path}:${leaf.dtype}[${leaf.shape}]` : `${path}=${String(leaf)}`,
  );
  return `${key.path}|${parts.join('|')}`;
}

/** A tensor that the step has from outside. */
function captured(backend: NativeBackend, dataId: DataId): tf.TensorInfo {
  if (backend.tensorMap.has(dataId)) return { dataId, shape: [], dtype: 'float32' };
  throw new ChainruleError(
    'CAPTURED',
    'compiled: a tensor from outside that the step uses has been disposed; keep it as long as ' +
      'the execution, or make it part of the state or the batch',
  );
}

function checkState(leaves: readonly Leaf[], { graph }: Recording): void {
  for (const { path, output } of leaves) {
    const next = graph.state.get(path);
    const got = next?.node.outputs[next.index];
    if (got?.dtype === output.dtype && `${got.shape}` === `${output.shape}`) continue;
    throw new ChainruleError(
      'STATE_SHAPE',
      `compiled: the step must return its state with the same leaves, shapes and types; "${path}" is ` +
        `[${output.shape}] and came back ${got ? `[${got.shape}]` : 'not at all'}`,
    );
  }
}

/** True for base, base², base³ and so on. */
function isPower(n: number, base: number): boolean {
  let power = base;
  while (power < n) power *= base;
  return power === n;
}

const warned = new Set<string>();

function warnOnce(operation: string): void {
  if (warned.has(operation)) return;
  warned.add(operation);
  console.warn(
    `chainrule: ${operation} can not be compiled, so the step runs operation by operation, slower`,
  );
}
