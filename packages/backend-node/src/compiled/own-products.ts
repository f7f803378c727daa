import { constant, type Graph, type Node, output, type Ref, single } from './graph.js';
import { transform } from './transform.js';
import { usersIn } from './users.js';

/**
 * Replaces products of matrices by operations of our own, `make(product, none)` with `none` for no
 * bias. They take in the bias that follows, and those with an attribute `relu` the ReLU, where nobody
 * else sees what is before it.
 */
export function ownProducts(
  graph: Graph,
  make: (product: Node, none: Ref) => Ref | undefined,
): Graph {
  const users = usersIn(graph);
  const none = constant(new Float32Array(0), [0]);
  const own = new Set<Node>();
  const added = (ref: Ref): Ref[] => {
    own.add(ref.node);
    return [ref];
  };
  return transform(graph, (node, original) => {
    const made = make(node, none);
    if (made !== undefined) return added(made);
    const [x, bias] = node.inputs;
    if (x === undefined || !own.has(x.node)) return undefined;
    if (users(original.inputs[0]!).length > 1) return undefined;
    const { inputs, attrs } = x.node;
    const relu = attrs.find(({ name }) => name === 'relu');
    if (node.op === 'BiasAdd' && output(inputs[2]!).shape[0] === 0 && relu?.value !== true) {
      return added(single({ ...x.node, inputs: [...inputs.slice(0, 2), bias!] }));
    }
    if (node.op === 'Relu' && relu) {
      const rectified = attrs.map((attr) => (attr === relu ? { ...attr, value: true } : attr));
      return added(single({ ...x.node, attrs: rectified }));
    }
    return undefined;
  });
}
