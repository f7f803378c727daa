import { type Graph, type Node, output, type Ref, reachable } from './graph.js';
import { VARIABLE } from './graphdef.js';
import { applyInPlace, inPlaceUpdates, slotsOf } from './in-place.js';
import { typeAttr } from './native.js';
import { transform } from './transform.js';

/** Data type of a handle of a variable. */
const RESOURCE = 20;

/** A graph whose state lives in variables: it reads them, and its effects write them. */
export interface StatefulGraph {
  readonly metrics: Graph['metrics'];
  readonly effects: readonly Node[];
}

/** The node of a variable; one object a path, since nodes are compared as objects. */
export type Variables = (path: string) => Node;

export function variables(names: ReadonlyMap<string, string>): Variables {
  const nodes = new Map<string, Node>(
    [...names].map(([path, name]) => [
      path,
      { op: VARIABLE, attrs: [], inputs: [], outputs: [{ shape: [], dtype: RESOURCE }], name },
    ]),
  );
  return (path) => nodes.get(path)!;
}

/** The value of a variable, once `after` has run. */
export function readVariable(
  handle: Node,
  { dtype, shape }: { dtype: number; shape: readonly number[] },
  after: readonly Node[] = [],
): Ref {
  const node: Node = {
    op: 'ReadVariableOp',
    attrs: [typeAttr('dtype', dtype)],
    inputs: [{ node: handle, index: 0 }],
    outputs: [{ dtype, shape }],
    after,
  };
  return { node, index: 0 };
}

/** Puts a value in a variable, once `after` has run. */
export function assignVariable(handle: Node, value: Ref, after: readonly Node[] = []): Node {
  return {
    op: 'AssignVariableOp',
    attrs: [typeAttr('dtype', output(value).dtype)],
    inputs: [{ node: handle, index: 0 }, value],
    outputs: [],
    after,
  };
}

/** A copy in memory of TensorFlow's own: what is fed may share memory with JavaScript's arrays. */
export function deepCopy(value: Ref): Ref {
  const out = output(value);
  return {
    node: { op: 'DeepCopy', attrs: [typeAttr('T', out.dtype)], inputs: [value], outputs: [out] },
    index: 0,
  };
}

/** Operations whose output may be (part of) their first input's very memory. */
const ALIASES = new Set([
  'Cast',
  'ExpandDims',
  'Identity',
  'Reshape',
  'Slice',
  'Split',
  'Squeeze',
  'StridedSlice',
  'Unpack',
]);

/**
 * Moves the state into variables. Every variable is read once, before anything writes it. An
 * assignment replaces the variable's buffer, so it need not wait for those who still use the old
 * one. An update in place waits for them: TensorFlow would otherwise copy the variable first.
 */
export function bindState(graph: Graph, handle: Variables): StatefulGraph {
  const updates = inPlaceUpdates(graph);
  const updated = new Set(updates.flatMap(({ paths }) => Object.values(paths)));
  const reads = new Map<string, Ref>();
  const read = (node: Node): Ref => {
    const known = reads.get(node.name!);
    if (known) return known;
    const ref = readVariable(handle(node.name!), node.outputs[0]!);
    reads.set(node.name!, ref);
    return ref;
  };
  const bound = transform(
    {
      metrics: graph.metrics,
      state: new Map([...graph.state].filter(([path]) => !updated.has(path))),
      fusions: updates.map(({ fusion }) => fusion),
    },
    (node) => (node.op === 'State' ? [read(node)] : undefined),
  );

  const effects: Node[] = [];
  for (const [path, value] of bound.state) {
    const before = reads.get(path);
    if (before?.node === value.node) continue;
    const fed = source(value).op === 'Argument' || source(value).op === 'Captured';
    const next = fed ? deepCopy(value) : value;
    effects.push(assignVariable(handle(path), next, before ? [before.node] : []));
  }

  // The slots are only read by the update itself, which needs no reading node.
  const needed = bound.fusions.flatMap(({ kernel, inputs }) =>
    Object.entries(inputs).filter(([name]) => !slotsOf(kernel).includes(name)),
  );
  const users = usersOf([
    ...bound.metrics.map(([, { node }]) => node),
    ...needed.map(([, { node }]) => node),
    ...effects,
  ]);
  updates.forEach(({ paths }, i) => {
    const fusion = bound.fusions[i]!;
    const access = {
      handle,
      read: (path: string) => reads.get(path)!,
      users: (path: string) => users(reads.get(path)?.node),
    };
    effects.push(...applyInPlace({ fusion, paths }, access));
  });
  return { metrics: bound.metrics, effects };
}

function source(ref: Ref): Node {
  let { node } = ref;
  while (ALIASES.has(node.op)) node = node.inputs[0]!.node;
  return node;
}

/** Who uses a node's value or memory, the node included, among all that `roots` need. */
function usersOf(roots: readonly Node[]): (node: Node | undefined) => readonly Node[] {
  const direct = new Map<Node, Set<Node>>();
  for (const node of reachable(roots)) {
    for (const { node: input } of node.inputs) {
      direct.set(input, (direct.get(input) ?? new Set()).add(node));
    }
  }
  const all = (node: Node): Node[] =>
    [...(direct.get(node) ?? [])].flatMap((user) =>
      ALIASES.has(user.op) ? [user, ...all(user)] : [user],
    );
  return (node) => (node && direct.has(node) ? [node, ...new Set(all(node))] : []);
}
