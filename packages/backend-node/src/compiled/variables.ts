import { activatedLayers } from './activated.js';
import { convolutions } from './convolution.js';
import { DENSE_ADAM, denseAdam, denseForward, denseUpdate } from './dense.js';
import {
  type Fusion,
  type Graph,
  type Node,
  output,
  type Ref,
  reachable,
  single,
} from './graph.js';
import { VARIABLE } from './graphdef.js';
import { flippedScales } from './images.js';
import { applyInPlace, inPlaceUpdates, slotsOf } from './in-place.js';
import { linearLayers } from './linear.js';
import { typeAttr } from './native.js';
import { batchNorms } from './normalization.js';
import { narrowProducts } from './products.js';
import { rowProducts } from './rows.js';
import { segmentSums } from './segments.js';
import { tiledProducts } from './tiles.js';
import { transform } from './transform.js';
import { transposes } from './transpose.js';

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
  let bound = transform(
    {
      metrics: graph.metrics,
      state: new Map([...graph.state].filter(([path]) => !updated.has(path))),
      fusions: updates.map(({ fusion }) => fusion),
    },
    (node) => (node.op === 'State' ? [read(node)] : undefined),
  );
  bound = transform(bound, (node) => {
    const dense = denseForward(node);
    return dense && [dense];
  });

  // Dense layers whose backward pass takes their update in. What another leaf of the state is
  // assigned must not be the memory that they write.
  const assigned = new Set([...bound.state.values()].map(source));
  updates.forEach(({ paths }, i) => {
    const fusion = bound.fusions[i]!;
    const values = Object.values(paths).map((path) => reads.get(path)?.node);
    if (values.some((node) => node && assigned.has(node))) return;
    const others = { ...bound, fusions: bound.fusions.filter((_, k) => k !== i) };
    const roots = rootsOf(others);
    const layer = denseUpdate({ fusion, paths }, { roots, weights: reads.get(paths.param!)?.node });
    if (layer === undefined) return;
    const slots = mapValues(paths, (path) => reads.get(path) ?? read(stateNode(path, fusion)));
    const users = usersOf(roots);
    const after = Object.values(slots).flatMap(({ node }) => users(node));
    const first = after.filter((node) => node !== layer.inputGradient);
    const node = denseAdam(layer, fusion, slots, first);
    const done = { kernel: node.op, inputs: { done: single(node) }, attrs: {}, outputs: [] };
    const fusions = bound.fusions.map((other, k) => (k === i ? done : other));
    bound = transform({ ...bound, fusions }, (each) =>
      each === layer.inputGradient ? [single(node)] : undefined,
    );
  });
  bound = convolutions(batchNorms(segmentSums(flippedScales(bound))));
  bound = transposes(
    narrowProducts(tiledProducts(activatedLayers(linearLayers(rowProducts(bound))))),
  );
  const isDone = ({ kernel }: Fusion) => kernel === DENSE_ADAM;

  const effects = bound.fusions.filter(isDone).map(({ inputs }) => inputs.done!.node);
  for (const [path, value] of bound.state) {
    const before = reads.get(path);
    if (before?.node === value.node) continue;
    const fed = source(value).op === 'Argument' || source(value).op === 'Captured';
    const next = fed ? deepCopy(value) : value;
    effects.push(assignVariable(handle(path), next, before ? [before.node] : []));
  }

  const users = usersOf([...rootsOf({ ...bound, state: new Map() }), ...effects]);
  const results = [...bound.state.values(), ...bound.metrics.map(([, ref]) => ref)];
  const kept = new Set(results.map(source));
  const rest = updates.flatMap(({ paths }, i) => {
    const fusion = bound.fusions[i]!;
    return isDone(fusion) ? [] : [{ fusion, paths }];
  });
  effects.push(
    ...applyInPlace(rest, {
      handle,
      read: (path, like) => reads.get(path) ?? read(stateNode(path, like)),
      users: (path) => users(reads.get(path)?.node),
      isKept: (path) => kept.has(reads.get(path)?.node as Node),
    }),
  );
  return { metrics: bound.metrics, effects };
}

/** A moment of some weights before the step, which is of their gradient's shape. */
const stateNode = (name: string, { inputs }: Fusion): Node => ({
  op: 'State',
  attrs: [],
  inputs: [],
  outputs: [output(inputs.grad!)],
  name,
});

function mapValues<V, W>(values: { readonly [key: string]: V }, map: (value: V) => W) {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, map(value)]));
}

/** All that the graph's results come from; an update's slots need no reading node. */
function rootsOf({ metrics, state, fusions }: Graph): Node[] {
  return [
    ...metrics.map(([, { node }]) => node),
    ...[...state.values()].map(({ node }) => node),
    ...fusions.flatMap(({ kernel, inputs }) =>
      Object.entries(inputs)
        .filter(([name]) => !slotsOf(kernel).includes(name))
        .map(([, { node }]) => node),
    ),
  ];
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
