import {
  ChainruleError,
  disposeTree,
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
  unflatten,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { Output } from './graph.js';
import { type Program, program, variableDef } from './graphdef.js';
import { registerKernels } from './kernels.js';
import { type DataId, type NativeBackend, nativeBackend } from './native.js';
import { type AnyStep, batchArgument, KEY_ARGUMENT, type Recording, record } from './recorder.js';
import { replay } from './replay.js';
import { rewrite } from './rewrite.js';
import { openSession, type Session } from './session.js';
import { Uncapturable } from './tracer.js';
import { assignVariable, bindState, deepCopy, readVariable, variables } from './variables.js';

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
      return new CompiledExecution(backend, step, initial, cache) as never;
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

class CompiledExecution<S extends Tree<tf.Tensor>, B extends object, M extends Metrics>
  implements Execution<S, B, M>
{
  private readonly entries = new Map<string, Entry>();
  private readonly leaves: readonly { path: string; name: string; output: Output }[];
  private readonly handles;
  /** Where the state is: in tensors until the first run, then in a session, or run eagerly. */
  private tensors: S | undefined;
  private session: Session | undefined;
  private fallback: Execution<S, B, M> | undefined;
  private serial = 0;

  constructor(
    private readonly backend: NativeBackend,
    private readonly step: Step<S, B, M>,
    private readonly template: S,
    private readonly cache: number,
  ) {
    this.tensors = template;
    this.leaves = flatten(template).map(([path, leaf], i) => {
      const { shape, dtype } = backend.tensorMap.get(leaf.dataId);
      return { path, name: `state/${i}`, output: { shape: [...shape], dtype } };
    });
    this.handles = variables(new Map(this.leaves.map(({ path, name }) => [path, name])));
  }

  async run(batch: B, key: Key): Promise<MetricValues<M>> {
    if (this.fallback) return this.fallback.run(batch, key);
    const signature = signatureOf(batch, key);
    let entry = this.entries.get(signature);
    if (entry === undefined) {
      try {
        entry = this.compile(signature, batch, key);
      } catch (error) {
        if (!(error instanceof Uncapturable)) throw error;
        warnOnce(error.operation);
        this.fallback = eager().prepare(this.step, this.takeState());
        return this.fallback.run(batch, key);
      }
    } else {
      // The map's order is the order of use.
      this.entries.delete(signature);
      this.entries.set(signature, entry);
    }
    if (isPower(entry.runs++, RECHECK)) this.check(entry.recording, batch, key);
    return this.execute(entry, batch, key);
  }

  async read(): Promise<S> {
    if (this.fallback) return this.fallback.read();
    return this.readState();
  }

  async write(state: S): Promise<void> {
    this.checkLeaves(state);
    if (this.fallback) return this.fallback.write(state);
    if (this.session) return this.writeState(this.session, state);
    const copied = unflatten(
      this.template,
      new Map(flatten(state).map(([path, leaf]) => [path, tf.clone(leaf)])),
    ) as S;
    if (this.tensors) disposeTree(this.tensors);
    this.tensors = copied;
  }

  dispose(): void {
    this.fallback?.dispose();
    this.session?.dispose();
    if (this.tensors) disposeTree(this.tensors);
    this.tensors = this.session = undefined;
    this.entries.clear();
  }

  /** Numbers that changed in JavaScript since the recording would not reach the graph. */
  private check(recording: Recording, batch: B, key: Key): void {
    replay(this.backend, this.step as unknown as AnyStep, recording, this.template, batch, key);
  }

  private compile(signature: string, batch: B, key: Key): Entry {
    const step = this.step as unknown as AnyStep;
    const recording = record(this.backend, step, this.template, batch, key);
    this.checkState(recording);
    this.check(recording, batch, key);
    const { metrics, effects } = bindState(rewrite(recording.graph), this.handles);
    const entry: Entry = {
      recording,
      program: program(
        `step_${this.serial++}`,
        metrics.map(([, ref]) => ref),
        effects,
      ),
      runs: 0,
    };
    const oldest = this.entries.keys().next();
    if (this.entries.size >= this.cache && !oldest.done) this.entries.delete(oldest.value);
    this.entries.set(signature, entry);
    this.reopen();
    return entry;
  }

  /** A session of all graphs, with the state in it. Variables are per session, so it moves. */
  private reopen(): void {
    const nodes = [
      ...this.leaves.map(({ name, output }) => variableDef(name, output.dtype, output.shape)),
      ...this.readProgram().nodes,
      ...this.writeProgram().nodes,
      ...[...this.entries.values()].flatMap((entry) => entry.program.nodes),
    ];
    const state = this.readState();
    try {
      const session = openSession(this.backend, nodes);
      this.writeState(session, state);
      this.session?.dispose();
      this.session = session;
    } finally {
      disposeTree(state);
    }
    if (this.tensors) disposeTree(this.tensors);
    this.tensors = undefined;
  }

  private execute(entry: Entry, batch: B, key: Key): MetricValues<M> {
    const { feeds, fetches } = entry.program;
    const leaves = new Map(
      flatten(batch as Tree<tf.Tensor>).map(([path, leaf]) => [batchArgument(path), leaf]),
    );
    return tf.tidy(() => {
      leaves.set(KEY_ARGUMENT, tf.tensor1d([key.base[0] | 0, key.base[1] | 0], 'int32'));
      const tensors = feeds.map(({ name, source }) => ({
        name,
        tensor: typeof source === 'string' ? leaves.get(source)! : this.captured(source),
      }));
      const outputs = this.session!.run(tensors, fetches);
      const names = entry.recording.graph.metrics.map(([name]) => name);
      // Numbers, which tidy lets through.
      return Object.fromEntries(names.map((name, i) => [name, outputs[i]!.dataSync()[0]])) as never;
    });
  }

  private captured(dataId: DataId): tf.TensorInfo {
    if (!this.backend.tensorMap.has(dataId)) {
      throw new ChainruleError(
        'CAPTURED',
        'compiled: a tensor from outside that the step uses has been disposed; keep it as long as ' +
          'the execution, or make it part of the state or the batch',
      );
    }
    return { dataId, shape: [], dtype: 'float32' };
  }

  private readProgram(): Program {
    const refs = this.leaves.map(({ path, output }) => readVariable(this.handles(path), output));
    return program('read', refs, []);
  }

  private writeProgram(): Program {
    const effects = this.leaves.map(({ path, output }) => {
      const argument = { op: 'Argument', attrs: [], inputs: [], outputs: [output], name: path };
      return assignVariable(this.handles(path), deepCopy({ node: argument, index: 0 }));
    });
    return program('write', [], effects);
  }

  /** A copy of the state. */
  private readState(): S {
    if (this.tensors) {
      return unflatten(
        this.template,
        new Map(
          flatten(this.tensors as Tree<tf.Tensor>).map(([path, leaf]) => [path, tf.clone(leaf)]),
        ),
      ) as S;
    }
    const { fetches } = this.readProgram();
    const outputs = this.session!.run([], fetches);
    outputs.pop()!.dispose();
    return unflatten(
      this.template,
      new Map(this.leaves.map(({ path }, i) => [path, outputs[i]!])),
    ) as S;
  }

  private writeState(session: Session, state: S): void {
    const { feeds, fetches } = this.writeProgram();
    const byPath = new Map(flatten(state as Tree<tf.Tensor>));
    const done = session.run(
      feeds.map(({ name, source }) => ({ name, tensor: byPath.get(source as string)! })),
      fetches,
    );
    tf.dispose(done);
  }

  private takeState(): S {
    const state = this.readState();
    this.dispose();
    return state;
  }

  private checkLeaves(state: S): void {
    const given = new Map(flatten(state as Tree<tf.Tensor>));
    for (const { path, output } of this.leaves) {
      const got = given.get(path)?.shape;
      if (`${got}` === `${output.shape}`) continue;
      throw new ChainruleError(
        'STATE_SHAPE',
        `compiled: "${path}" must be [${output.shape}], got ${got ? `[${got}]` : 'nothing'}; write a ` +
          'state of the same model and optimiser',
      );
    }
  }

  private checkState({ graph }: Recording): void {
    for (const { path, output } of this.leaves) {
      const next = graph.state.get(path);
      const got = next?.node.outputs[next.index];
      if (got === undefined || got.dtype !== output.dtype || `${got.shape}` !== `${output.shape}`) {
        throw new ChainruleError(
          'STATE_SHAPE',
          `compiled: the step must return its state with the same leaves, shapes and types; "${path}" is ` +
            `[${output.shape}] and came back ${got ? `[${got.shape}]` : 'not at all'}`,
        );
      }
    }
  }
}

/** What a graph depends on: shapes, types, and whatever in the batch is no tensor. */
function signatureOf(batch: object, key: Key): string {
  const parts = flatten(batch as Tree<tf.Tensor>).map(([path, leaf]) =>
    isTensor(leaf) ? `${path}:${leaf.dtype}[${leaf.shape}]` : `${path}=${String(leaf)}`,
  );
  return `${key.path}|${parts.join('|')}`;
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
