import { availableParallelism } from 'node:os';
import { hasOperations, hasProduct } from '../operations.js';
import { type Graph, type Node, nodesOf, output, type Ref, single } from './graph.js';
import { isProduct } from './matrices.js';
import { AttrType, DataType, type OpAttr } from './native.js';
import { ownProducts } from './own-products.js';
import { transform } from './transform.js';
import { usersIn } from './users.js';

/**
 * Dense layers of many rows as operations of native/linear.cc: the product with its bias, and all that
 * is made of the output's gradient, which then is read from memory once. Where the processor has AMX,
 * products of their own are faster (tiles.ts).
 */

export const LINEAR = 'ChainruleLinear';
export const LINEAR_GRADIENT = 'ChainruleLinearGradient';

/** With fewer rows, to put the weights in order takes too long. */
const ROWS = 1024;
/** More weights are not packed faster than TensorFlow's product takes. */
const WEIGHTS = 2 ** 22;
/** More weights' gradients leave a processor's caches; and each core has sums of its own of them. */
const GRADIENT_WEIGHTS = Math.min(2 ** 20, 2 ** 23 / availableParallelism());
/** Fewer multiplications take no longer than to share them. */
const LEAST = 2 ** 24;
/** Columns that are made at once. */
const WIDTH = 32;

/** What the layer's input goes through first: 0 is nothing (activated.ts). */
export const activation = (value: number): OpAttr => ({
  name: 'activation',
  type: AttrType.int,
  value,
});

export function linearLayers(graph: Graph, tiles = hasProduct()): Graph {
  if (!hasOperations() || tiles) return graph;
  return ownProducts(gradients(graph), forward);
}

function forward(node: Node, none: Ref): Ref | undefined {
  if (!isProduct(node, false, false)) return undefined;
  const [x, w] = node.inputs as [Ref, Ref];
  if (!isWorth(x, w, WEIGHTS)) return undefined;
  return single({
    op: LINEAR,
    attrs: [activation(0)],
    inputs: [x, w, none],
    outputs: node.outputs,
  });
}

/** What is made of the gradient of a layer's output: of its input, its weights and its bias, if any. */
interface Layer {
  readonly x: Ref;
  readonly w: Ref;
  readonly parts: readonly [dx: Node, dw: Node, db: Node | undefined];
}

function gradients(graph: Graph): Graph {
  const users = usersIn(graph);
  const nodes = nodesOf(graph);
  const layers = new Map<Node, Layer>();
  for (const node of nodes) {
    const layer = layerOf(node, (ref) => users(ref).filter((user) => !layers.has(user)));
    if (layer) for (const part of layer.parts) if (part) layers.set(part, layer);
  }
  // What depends on what will be replaced. Where a layer's input does, as in gradients of gradients, it is
  // left as it is.
  const late = new Set<Node>();
  for (const node of nodes) {
    if (layers.has(node) || node.inputs.some((ref) => late.has(ref.node))) late.add(node);
  }
  const made = new Map<Layer, Node>();
  return transform(graph, (node, original) => {
    const layer = layers.get(original);
    if (layer === undefined || late.has(layer.x.node) || late.has(layer.w.node)) return undefined;
    const index = layer.parts.indexOf(original);
    // The layer's input and weights are in the new graph as they were.
    const gradient = made.get(layer) ?? gradientOf(layer, node.inputs[index === 1 ? 1 : 0]!);
    made.set(layer, gradient);
    return [{ node: gradient, index }];
  });
}

function layerOf(dw: Node, users: (ref: Ref) => readonly Node[]): Layer | undefined {
  if (!isProduct(dw, true, false)) return undefined;
  const [x, dy] = dw.inputs as [Ref, Ref];
  const dx = users(dy).find(
    (user) => isProduct(user, false, true) && `${user.outputs[0]!.shape}` === `${output(x).shape}`,
  );
  const w = dx?.inputs[1];
  if (!dx || !w || !isWorth(x, w, GRADIENT_WEIGHTS)) return undefined;
  return { x, w, parts: [dx, dw, users(dy).find(({ op }) => op === 'BiasAddGrad')] };
}

function gradientOf({ x, w, parts: [, , db] }: Layer, dy: Ref): Node {
  const [, width = 0] = output(dy).shape;
  const float = (shape: readonly number[]) => ({ shape, dtype: DataType.float32 });
  return {
    op: LINEAR_GRADIENT,
    attrs: [activation(0), { name: 'bias_gradient', type: AttrType.bool, value: db !== undefined }],
    inputs: [x, dy, w],
    outputs: [float(output(x).shape), float(output(w).shape), float([db ? width : 0])],
  };
}

/** Whether x · w or its gradients are worth it, with so many weights at most. */
function isWorth(x: Ref, w: Ref, weights: number): boolean {
  const [rows = 0] = output(x).shape;
  const [inputs = 0, outputs = 0] = output(w).shape;
  const whole = inputs % WIDTH === 0 && outputs % WIDTH === 0;
  const fits = whole && rows >= ROWS && inputs * outputs <= weights;
  return fits && rows * inputs * outputs >= LEAST;
}
