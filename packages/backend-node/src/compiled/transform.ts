import { type Fusion, type Graph, type Node, nodesOf, type Ref } from './graph.js';

/**
 * Rebuilds a graph from its sources to its results. `visit` sees each node with its inputs already
 * replaced, beside the node as it was, and returns what stands for its outputs, or undefined to leave
 * it as it is.
 */
export function transform(
  graph: Graph,
  visit: (node: Node, original: Node) => readonly Ref[] | undefined,
): Graph {
  const outputs = new Map<Node, readonly Ref[]>();
  const copies = new Map<Node, Node>();
  const replaced = (ref: Ref): Ref => outputs.get(ref.node)?.[ref.index] ?? ref;
  for (const node of nodesOf(graph)) {
    const inputs = node.inputs.map(replaced);
    const after = node.after?.map((first) => copies.get(first) ?? first);
    const changed =
      inputs.some((ref, i) => ref !== node.inputs[i]) ||
      after?.some((first, i) => first !== node.after![i]) === true;
    const current = changed ? { ...node, inputs, ...(after && { after }) } : node;
    if (changed) copies.set(node, current);
    const result = visit(current, node);
    if (result) {
      outputs.set(node, result);
      // Who had to wait for the node waits for what stands for it.
      if (result[0]) copies.set(node, result[0].node);
    } else if (changed) {
      outputs.set(
        node,
        node.outputs.map((_, index) => ({ node: current, index })),
      );
    }
  }
  const fusion = (f: Fusion): Fusion => ({
    ...f,
    inputs: Object.fromEntries(Object.entries(f.inputs).map(([k, ref]) => [k, replaced(ref)])),
    outputs: f.outputs.map(replaced),
  });
  return {
    metrics: graph.metrics.map(([name, ref]) => [name, replaced(ref)]),
    state: new Map([...graph.state].map(([path, ref]) => [path, replaced(ref)])),
    fusions: graph.fusions.map(fusion),
  };
}
