import { type DataId, DataType, type OpAttr, type TensorValues } from './native.js';

/** One output of a node. */
export interface Ref {
  readonly node: Node;
  readonly index: number;
}

export interface Output {
  readonly shape: readonly number[];
  /** A number of {@link DataType}. */
  readonly dtype: number;
}

/**
 * An operation of a recorded step. `op` is TensorFlow's own name, or one of the sources:
 * `Argument` (a leaf of the batch, or the key), `State` (a leaf of the state), `Constant` and
 * `Captured` (a tensor that lived before the step ran, fed anew at each run).
 */
export interface Node {
  readonly op: string;
  readonly attrs: readonly OpAttr[];
  readonly inputs: readonly Ref[];
  readonly outputs: readonly Output[];
  /** Nodes that must have run before this one. */
  readonly after?: readonly Node[];
  /** Of `Argument`: its name. Of `State`: the leaf's path. */
  readonly name?: string;
  /** Of `Constant`. A single number stands for a whole tensor of it. */
  readonly values?: TensorValues;
  /** Of `Captured`. */
  readonly dataId?: DataId;
  /** Depends on nothing but constants. */
  readonly constant?: boolean | undefined;
}

/** What a custom kernel stands for, beside the plain operations that it was recorded as. */
export interface Fusion {
  readonly kernel: string;
  readonly inputs: { readonly [name: string]: Ref };
  readonly attrs: { readonly [name: string]: unknown };
  readonly outputs: readonly Ref[];
}

/** A step as a graph: what it gives, and all that leads there. */
export interface Graph {
  /** The fetched scalars, by name. */
  readonly metrics: readonly (readonly [name: string, ref: Ref])[];
  /** The new value of each leaf of the state, by path. */
  readonly state: ReadonlyMap<string, Ref>;
  readonly fusions: readonly Fusion[];
}

export function output(ref: Ref): Output {
  return ref.node.outputs[ref.index]!;
}

/** The output of a node that has one. */
export function single(node: Node): Ref {
  return { node, index: 0 };
}

/** The one number that a constant or a Fill consists of; undefined where it is not known. */
export function splatValue(ref: Ref | undefined): number | undefined {
  if (ref?.node.op === 'Fill') return splatValue(ref.node.inputs[1]);
  const values = ref?.node.op === 'Constant' ? ref.node.values! : [];
  return values.length > 0 && values.every((value) => value === values[0]) ? values[0] : undefined;
}

export function sameRef(a: Ref, b: Ref): boolean {
  return a.node === b.node && a.index === b.index;
}

/** A constant of float32 or int32, by the kind of array. */
export function constant(values: Float32Array | Int32Array, shape: readonly number[]): Ref {
  const dtype = values instanceof Float32Array ? DataType.float32 : DataType.int32;
  const outputs = [{ shape, dtype }];
  return single({ op: 'Constant', attrs: [], inputs: [], outputs, values, constant: true });
}

/** The value of an int64 scalar, as two words. */
export function constantInput(words: Int32Array): Ref {
  const outputs = [{ shape: [], dtype: DataType.int64 }];
  const values = words.slice();
  return single({ op: 'Constant', attrs: [], inputs: [], outputs, values, constant: true });
}

/** All nodes that `roots` need, each after its inputs. */
export function reachable(roots: readonly Node[]): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  // A loop with its own stack: recorded graphs are thousands of nodes deep.
  const stack = roots.toReversed().map((node) => ({ node, expanded: false }));
  while (stack.length > 0) {
    const top = stack.pop()!;
    if (top.expanded) {
      order.push(top.node);
      continue;
    }
    if (seen.has(top.node)) continue;
    seen.add(top.node);
    stack.push({ node: top.node, expanded: true });
    const needed = [...top.node.inputs.map((ref) => ref.node), ...(top.node.after ?? [])];
    for (const node of needed.toReversed()) {
      if (!seen.has(node)) stack.push({ node, expanded: false });
    }
  }
  return order;
}

/** A graph's results, and what its updates read. */
export function resultsOf({ metrics, state, fusions }: Graph): Ref[] {
  return [
    ...metrics.map(([, ref]) => ref),
    ...state.values(),
    ...fusions.flatMap(({ inputs }) => Object.values(inputs)),
  ];
}

/** All nodes of a graph, each after its inputs. */
export const nodesOf = (graph: Graph): Node[] =>
  reachable(resultsOf(graph).map(({ node }) => node));
