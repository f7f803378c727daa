import { type Graph, type Node, output, type Ref } from './graph.js';
import { VARIABLE } from './graphdef.js';
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

/** Operations whose output may be their input's very memory. */
const ALIASES = new Set(['Identity', 'Reshape', 'ExpandDims', 'Squeeze']);

/**
 * Moves the state into variables. Every variable is read once, before anything writes it. An
 * assignment replaces the variable's buffer, so it need not wait for those who still use the old
 * one; see inPlace for updates that do.
 */
export function bindState(graph: Graph, handle: Variables): StatefulGraph {
  const reads = new Map<string, Ref>();
  const bound = transform(graph, (node) => {
    if (node.op !== 'State') return undefined;
    const read = readVariable(handle(node.name!), node.outputs[0]!);
    reads.set(node.name!, read);
    return [read];
  });
  const effects: Node[] = [];
  for (const [path, value] of bound.state) {
    const read = reads.get(path);
    if (read && read.node === value.node) continue;
    const fed = source(value).op === 'Argument' || source(value).op === 'Captured';
    effects.push(
      assignVariable(handle(path), fed ? deepCopy(value) : value, read ? [read.node] : []),
    );
  }
  return { metrics: bound.metrics, effects };
}

function source(ref: Ref): Node {
  let { node } = ref;
  while (ALIASES.has(node.op)) node = node.inputs[0]!.node;
  return node;
}
