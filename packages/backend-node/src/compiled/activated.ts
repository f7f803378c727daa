import { type Graph, type Node, nodesOf, output, type Ref, sameRef, single } from './graph.js';
import { activation, LINEAR, LINEAR_GRADIENT } from './linear.js';
import { flag, reshaped } from './matrices.js';
import { transform } from './transform.js';
import { usersIn } from './users.js';

/**
 * GELU before a dense layer becomes part of the layer's operations (native/linear.cc): its output is not
 * kept for the backward pass, but computed again from its input, while that is in a cache.
 */
export function activatedLayers(graph: Graph): Graph {
  const users = usersIn(graph);
  /** Who uses a value, in whatever shape, and as what. */
  const usesOf = (ref: Ref): readonly (readonly [Node, Ref])[] =>
    users(ref).flatMap((user) =>
      user.op === 'Reshape' ? usesOf(single(user)) : [[user, ref] as const],
    );
  const layers = new Map<Node, Node>();
  const slopes = new Set<Node>();
  for (const gelu of nodesOf(graph)) {
    if (gelu.op !== 'ChainruleGelu') continue;
    const uses = usesOf(single(gelu));
    const areLayers = uses.every(
      ([{ op, inputs }, ref]) =>
        (op === LINEAR || op === LINEAR_GRADIENT) && sameRef(inputs[0]!, ref),
    );
    const own = uses.flatMap(([node]) =>
      node.op === LINEAR_GRADIENT ? usesOf({ node, index: 0 }) : [],
    );
    const areOwn = own.every(
      ([{ op, inputs }, ref]) =>
        op === 'ChainruleGeluGradient' &&
        sameRef(inputs[0]!, ref) &&
        sameRef(inputs[1]!, gelu.inputs[0]!),
    );
    // One slope for each gradient: with two users the sum of both would be what goes through it.
    const gradients = uses.filter(([{ op }]) => op === LINEAR_GRADIENT);
    if (!areLayers || !areOwn || own.length !== gradients.length) continue;
    for (const [layer] of uses) layers.set(layer, gelu);
    for (const [slope] of own) slopes.add(slope);
  }
  return transform(graph, (node, original) => {
    if (slopes.has(original)) return [node.inputs[0]!];
    const gelu = layers.get(original);
    if (gelu === undefined) return undefined;
    const [x, ...rest] = node.inputs as [Ref, ...Ref[]];
    const kind = activation(flag(gelu, 'approximate') ? 2 : 1);
    const active: Node = {
      ...node,
      attrs: node.attrs.map((attr) => (attr.name === kind.name ? kind : attr)),
      inputs: [reshaped(beforeGelu(x), output(x).shape), ...rest],
    };
    return node.outputs.map((_, index) => ({ node: active, index }));
  });
}

/** What goes into the GELU whose output, in whatever shape, this is. */
function beforeGelu(x: Ref): Ref {
  let { node } = x;
  while (node.op === 'Reshape') node = node.inputs[0]!.node;
  return node.inputs[0]!;
}
