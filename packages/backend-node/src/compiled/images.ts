import { hasOperations } from '../operations.js';
import { type Graph, type Ref, single } from './graph.js';
import { transform } from './transform.js';
import { usersIn } from './users.js';

/** Pictures that are flipped and then scaled: both in one pass over them, by native/images.cc. */
export function flippedScales(graph: Graph): Graph {
  if (!hasOperations()) return graph;
  const users = usersIn(graph);
  return transform(graph, (node, original) => {
    if (node.op !== 'ChainruleScale') return undefined;
    const [x, scale, shift] = node.inputs as [Ref, Ref, Ref];
    if (x.node.op !== 'ChainruleFlip' || users(original.inputs[0]!).length > 1) return undefined;
    const inputs = [...x.node.inputs, scale, shift];
    return [single({ ...node, op: 'ChainruleFlipScale', inputs })];
  });
}
