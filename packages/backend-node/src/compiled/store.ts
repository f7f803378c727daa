import { ChainruleError, disposeTree, flatten, type Tree, unflatten } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { Node, Output } from './graph.js';
import { type Program, program, variableDef } from './graphdef.js';
import type { NativeBackend } from './native.js';
import { openSession, type Session, type Threads } from './session.js';
import { assignVariable, deepCopy, readVariable, type Variables, variables } from './variables.js';

/** A leaf of the state and the variable that holds it. */
export interface Leaf {
  readonly path: string;
  readonly name: string;
  readonly output: Output;
}

/**
 * Where a state is: in tensors at first, then in the variables of a session. Sessions share no
 * variables, so a session with other graphs takes the state over from the one before.
 */
export interface Store<S extends Tree<tf.Tensor>> {
  readonly leaves: readonly Leaf[];
  readonly handles: Variables;
  /** The session; undefined until the first `reopen`. */
  readonly session: () => Session | undefined;
  /** A copy of the state. */
  read(): S;
  write(state: S): void;
  /** Moves the state to a new session that also has these nodes; with so many threads. */
  reopen(nodes: readonly Uint8Array[], threads: Threads): void;
  dispose(): void;
}

/** Leaves are written in groups of about this many bytes, so that no second state is in memory. */
const GROUP = 2 ** 25;

export function openStore<S extends Tree<tf.Tensor>>(backend: NativeBackend, initial: S): Store<S> {
  const leaves = flatten(initial as Tree<tf.Tensor>).map(([path, leaf], i): Leaf => {
    const { shape, dtype } = backend.tensorMap.get(leaf.dataId);
    return { path, name: `state/${i}`, output: { shape: [...shape], dtype } };
  });
  const handles = variables(new Map(leaves.map(({ path, name }) => [path, name])));
  const groups = groupLeaves(leaves);
  const programs = {
    // Copies: a dense layer's update writes the variables' own memory (dense.ts).
    read: program(
      'read',
      leaves.map(({ path, output }) => deepCopy(readVariable(handles(path), output))),
      [],
    ),
    give: program(
      'give',
      leaves.map(({ path, output }) => readVariable(handles(path), output)),
      [],
    ),
    write: groups.map((group, i) => writing(`write_${i}`, group, handles, true)),
    take: groups.map((group, i) => writing(`take_${i}`, group, handles, false)),
  };
  let tensors: S | undefined = initial;
  let session: Session | undefined;

  const tree = (byPath: ReadonlyMap<string, tf.Tensor>) => unflatten(initial, byPath) as S;
  const assign = (
    to: Session,
    { feeds, fetches }: Program,
    state: ReadonlyMap<string, tf.Tensor>,
  ) =>
    tf.dispose(
      to.run(
        feeds.map(({ name, source }) => ({ name, tensor: state.get(source as string)! })),
        fetches,
      ),
    );

  const fetched = ({ fetches }: Program): S => {
    const outputs = open().run([], fetches);
    outputs.pop()!.dispose();
    return tree(new Map(leaves.map(({ path }, i) => [path, outputs[i]!])));
  };
  const read = (): S =>
    tensors
      ? tree(new Map(entries(tensors).map(([path, leaf]) => [path, tf.clone(leaf)])))
      : fetched(programs.read);
  const open = () => {
    if (session) return session;
    throw new ChainruleError('DISPOSED', 'compiled: this execution has been disposed');
  };

  return {
    leaves,
    handles,
    session: () => session,
    read,
    write(state) {
      checkLeaves(leaves, state);
      const given = new Map(entries(state));
      if (session) {
        for (const part of programs.write) assign(session, part, given);
        return;
      }
      const copied = tree(new Map([...given].map(([path, leaf]) => [path, tf.clone(leaf)])));
      if (tensors) disposeTree(tensors);
      tensors = copied;
    },
    reopen(nodes, threads) {
      const defs = [
        ...leaves.map(({ name, output }) => variableDef(name, output.dtype, output.shape)),
        ...[programs.read, programs.give, ...programs.write, ...programs.take].flatMap(
          (p) => p.nodes,
        ),
        ...nodes,
      ];
      const next = openSession(backend, defs, threads);
      // What a session gives is TensorFlow's own memory, which the next may simply take.
      const parts = session ? programs.take : programs.write;
      const state = session ? fetched(programs.give) : tensors;
      if (state === undefined) open();
      const rest = new Map(entries(state!));
      parts.forEach((part, i) => {
        assign(next, part, rest);
        for (const { path } of groups[i]!) {
          const leaf = rest.get(path)!;
          rest.delete(path);
          if (![...rest.values()].includes(leaf)) leaf.dispose();
        }
      });
      session?.dispose();
      session = next;
      tensors = undefined;
    },
    dispose() {
      session?.dispose();
      if (tensors) disposeTree(tensors);
      session = tensors = undefined;
    },
  };
}

const entries = (tree: Tree<tf.Tensor>) => flatten<tf.Tensor>(tree);

function groupLeaves(leaves: readonly Leaf[]): Leaf[][] {
  const groups: Leaf[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const leaf of leaves) {
    const size = 4 * leaf.output.shape.reduce((product, n) => product * n, 1);
    bytes += size;
    if (bytes > GROUP) {
      groups.push([]);
      bytes = size;
    }
    groups.at(-1)!.push(leaf);
  }
  return groups;
}

function writing(
  prefix: string,
  leaves: readonly Leaf[],
  handles: Variables,
  copy: boolean,
): Program {
  const effects = leaves.map(({ path, output }) => {
    const node: Node = { op: 'Argument', attrs: [], inputs: [], outputs: [output], name: path };
    const value = { node, index: 0 };
    return assignVariable(handles(path), copy ? deepCopy(value) : value);
  });
  return program(prefix, [], effects);
}

function checkLeaves(leaves: readonly Leaf[], state: Tree<tf.Tensor>): void {
  const given = new Map(entries(state));
  for (const { path, output } of leaves) {
    const got = given.get(path)?.shape;
    if (`${got}` === `${output.shape}`) continue;
    throw new ChainruleError(
      'STATE_SHAPE',
      `compiled: "${path}" must be [${output.shape}], got ${got ? `[${got}]` : 'nothing'}; write a ` +
        'state of the same model and optimiser',
    );
  }
}
