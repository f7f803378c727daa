import { availableParallelism } from 'node:os';
import { ChainruleError, flatten, isTensor, type Key, type Tree } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { type Program, program } from './graphdef.js';
import type { DataId, NativeBackend } from './native.js';
import { threadsOf, workOf } from './parallelism.js';
import { type AnyStep, batchArgument, KEY_ARGUMENT, type Recording, record } from './recorder.js';
import { replay } from './replay.js';
import { rewrite } from './rewrite.js';
import type { Threads } from './session.js';
import type { Leaf, Store } from './store.js';
import { bindState } from './variables.js';

/** One compiled set of shapes. */
export interface Entry {
  readonly recording: Recording;
  readonly program: Program;
  /** The threads that its operations gain from. */
  readonly threads: Threads;
  /** How much it has to do: the session has the threads of the largest. */
  readonly work: number;
  /** How often it has run. */
  runs: number;
}

/** The graphs of one step, one for each set of shapes that it has met. */
export interface Graphs {
  /** The graph for a batch like this, compiled if there is none. */
  of(batch: object, key: Key): Entry;
  /** Runs it: one tensor a metric, in the order of `entry.recording.graph.metrics`. */
  run(entry: Entry, batch: object, key: Key): tf.Tensor[];
  clear(): void;
}

/** A graph is checked against its step again after 8, 64, 512 … runs. */
const RECHECK = 8;

/** Keeps the `limit` graphs used last. `like` gives the shapes of the state, which is in the store. */
export function openGraphs<S extends Tree<tf.Tensor>>(
  backend: NativeBackend,
  step: AnyStep,
  like: S,
  store: Store<S>,
  limit: number,
): Graphs {
  // In order of use, so the first is the one to drop.
  const entries = new Map<string, Entry>();
  let serial = 0;

  function compile(signature: string, batch: object, key: Key): Entry {
    const recording = record(backend, step, like, batch, key);
    checkState(store.leaves, recording);
    replay(backend, step, recording, like, batch, key);
    const { metrics, effects } = bindState(rewrite(recording.graph), store.handles);
    const fetches = metrics.map(([, ref]) => ref);
    const roots = [...fetches.map(({ node }) => node), ...effects];
    const entry = {
      recording,
      program: program(`step_${serial++}`, fetches, effects),
      threads: threadsOf(roots, availableParallelism()),
      work: workOf(roots).total,
      runs: 0,
    };
    const [oldest] = entries.keys();
    if (entries.size >= limit) entries.delete(oldest!);
    const all = [...entries.values(), entry];
    const largest = all.reduce((a, b) => (a.work < b.work ? b : a));
    store.reopen(
      all.flatMap((each) => each.program.nodes),
      largest.threads,
    );
    entries.set(signature, entry);
    return entry;
  }

  return {
    of(batch, key) {
      const signature = signatureOf(batch, key);
      const entry = entries.get(signature) ?? compile(signature, batch, key);
      entries.delete(signature);
      entries.set(signature, entry);
      if (isPower(entry.runs++, RECHECK)) {
        replay(backend, step, entry.recording, like, batch, key);
      }
      return entry;
    },
    run({ program }, batch, key) {
      const leaves = flatten<tf.Tensor>(batch as Tree<tf.Tensor>);
      const byName = new Map(leaves.map(([path, leaf]) => [batchArgument(path), leaf]));
      const words = tf.tensor1d([key.base[0] | 0, key.base[1] | 0], 'int32');
      byName.set(KEY_ARGUMENT, words);
      try {
        const feeds = program.feeds.map(({ name, source }) => ({
          name,
          tensor: typeof source === 'string' ? byName.get(source)! : captured(backend, source),
        }));
        const outputs = store.session()!.run(feeds, program.fetches);
        outputs.pop()!.dispose();
        return outputs;
      } finally {
        words.dispose();
      }
    },
    clear: () => entries.clear(),
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
