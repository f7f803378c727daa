import { hasOperations } from '../operations.js';
import { type Fusion, type Node, output, type Ref, reachable, sameRef, single } from './graph.js';
import type { InPlaceUpdate } from './in-place.js';
import { isProduct } from './matrices.js';
import { AttrType, DataType } from './native.js';

/**
 * A dense layer's backward pass and Adam's update of its weights as one operation of
 * native/dense.cc: it reads the weights and their moments once, writes them once, and the weights'
 * gradient never goes to memory.
 */

export const DENSE_ADAM = 'ChainruleDenseAdam';

/** Fewer weights stay in the caches, where TensorFlow's own products are as good. */
const WEIGHTS = 2 ** 20;
/** More examples, and the products take longer than the weights' way through memory. */
const EXAMPLES = 256;
/** With as many columns rows.ts has something faster than ChainruleDense. */
const COLUMNS = 512;
const LANES = 16;

/** Whether the products with these weights are worth an operation of their own. */
function isWide(batch: number, shape: readonly number[]): boolean {
  const [inputs = 0, outputs = 0] = shape;
  return batch <= EXAMPLES && outputs % LANES === 0 && inputs * outputs >= WEIGHTS;
}

/** x · w with x [batch, in] and w [in, out], where it is worth an operation of its own. */
export function denseForward(node: Node): Ref | undefined {
  if (!hasOperations() || !isProduct(node, false, false)) return undefined;
  const [x, w] = node.inputs as [Ref, Ref];
  const isWeights = w.node.op === 'ReadVariableOp' && output(w).shape[1]! < COLUMNS;
  if (!isWeights || !isWide(output(x).shape[0]!, output(w).shape)) return undefined;
  return single({ op: 'ChainruleDense', attrs: [], inputs: [x, w], outputs: node.outputs });
}

/** A layer's products that one operation can make, with the update of its weights. */
export interface DenseUpdate {
  readonly x: Ref;
  readonly dy: Ref;
  /** dy · wᵀ, where anyone wants it. */
  readonly inputGradient: Node | undefined;
}

/**
 * The dense layer whose weights this update changes, if the gradient is nothing but xᵀ · dy and
 * everything else that needs the old weights can go before.
 */
export function denseUpdate(
  { fusion, paths }: InPlaceUpdate,
  graph: { readonly roots: readonly Node[]; readonly weights: Node | undefined },
): DenseUpdate | undefined {
  const { kernel, inputs } = fusion;
  const gradient = inputs.grad?.node;
  if (!hasOperations() || kernel !== 'ApplyAdam' || !paths.param || !gradient || !graph.weights) {
    return undefined;
  }
  if (!isProduct(gradient, true, false)) return undefined;
  const [x, dy] = gradient.inputs as [Ref, Ref];
  if (!isWide(output(x).shape[0]!, output(inputs.grad!).shape)) return undefined;

  const nodes = reachable(graph.roots);
  const uses = (node: Node, of: Node) => node.inputs.some((ref) => ref.node === of);
  if (nodes.filter((node) => uses(node, gradient)).length > 0) return undefined;
  const users = nodes.filter((node) => uses(node, graph.weights!));
  const backward = users.filter((node) => isProduct(node, false, true));
  const [inputGradient] = backward;
  if (backward.length > 1) return undefined;
  if (inputGradient) {
    const [from, weights] = inputGradient.inputs as [Ref, Ref];
    if (!sameRef(from, dy) || weights.node !== graph.weights) return undefined;
    // What must come before the update may not wait for what it gives.
    const first = [x, dy, inputs.rate!, inputs.epsilon!, inputs.decay!].map(({ node }) => node);
    const others = users.filter((node) => node !== inputGradient);
    if (reachable([...first, ...others]).includes(inputGradient)) return undefined;
  }
  return { x, dy, inputGradient };
}

/** The operation itself; its output is the input's gradient. */
export function denseAdam(
  { x, dy, inputGradient }: DenseUpdate,
  { inputs, attrs }: Fusion,
  slots: { readonly [slot: string]: Ref },
  after: readonly Node[],
): Node {
  const { rate, epsilon, decay } = inputs;
  const float = (name: string, value: unknown) => ({
    name,
    type: AttrType.float,
    value: Number(value),
  });
  return {
    op: DENSE_ADAM,
    attrs: [
      float('beta1', attrs.beta1),
      float('beta2', attrs.beta2),
      { name: 'input_gradient', type: AttrType.bool, value: inputGradient !== undefined },
    ],
    inputs: [x, dy, slots.param!, slots.m!, slots.v!, rate!, epsilon!, decay!],
    outputs: inputGradient?.outputs ?? [{ shape: [0, 0], dtype: DataType.float32 }],
    after,
  };
}
