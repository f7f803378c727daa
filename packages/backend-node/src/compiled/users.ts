import { type Graph, type Node, nodesOf, type Ref, resultsOf } from './graph.js';

/** What a result of the graph is used by. */
const RESULT: Node = { op: 'Result', attrs: [], inputs: [], outputs: [] };

/** Who uses a value in a graph: nodes, each as often as it does, and `Result` for the graph's own results. */
export function usersIn(graph: Graph): (ref: Ref) => readonly Node[] {
  const users = new Map<Node, { readonly index: number; readonly user: Node }[]>();
  const add = ({ node, index }: Ref, user: Node) => {
    const known = users.get(node);
    if (known) known.push({ index, user });
    else users.set(node, [{ index, user }]);
  };
  for (const ref of resultsOf(graph)) add(ref, RESULT);
  for (const user of nodesOf(graph)) {
    for (const ref of user.inputs) add(ref, user);
  }
  return ({ node, index }) =>
    (users.get(node) ?? []).filter((use) => use.index === index).map(({ user }) => user);
}
