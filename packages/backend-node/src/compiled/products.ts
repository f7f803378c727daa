import { constant, type Graph, type Node, output, type Ref, single } from './graph.js';
import { flag, reshaped } from './matrices.js';
import { DataType, typeAttr } from './native.js';
import { transform } from './transform.js';

/** Fewer weights are multiplied as fast transposed as not. */
const WEIGHTS = 2 ** 18;
/** With more rows, what is transposed for it costs more than it saves; with fewer, nothing is slow. */
const [FEWEST, MOST] = [8, 256];

/**
 * A few rows times many weights, transposed: dy · wᵀ as (w · dyᵀ)ᵀ. TensorFlow's product with a
 * transposed second matrix takes twice the time of the plain one, since it reorders the weights; to
 * transpose the rows instead costs little.
 */
export function narrowProducts(graph: Graph): Graph {
  return transform(graph, (node) => {
    if (!isNarrow(node)) return undefined;
    const [dy, w] = node.inputs as [Ref, Ref];
    const plain: Ref = single({
      ...node,
      attrs: node.attrs.map((attr) =>
        attr.name === 'transpose_b' ? { ...attr, value: false } : attr,
      ),
      inputs: [w, transposed(dy)],
      outputs: [{ ...node.outputs[0]!, shape: node.outputs[0]!.shape.toReversed() }],
    });
    return [transposed(plain)];
  });
}

function isNarrow(node: Node): boolean {
  if (node.op !== 'MatMul' || node.outputs[0]!.dtype !== DataType.float32) return false;
  const [rows = 0] = node.outputs[0]!.shape;
  const [m = 0, n = 0] = output(node.inputs[1]!).shape;
  const fits = rows >= FEWEST && rows <= MOST && m * n >= WEIGHTS;
  return fits && !flag(node, 'transpose_a') && flag(node, 'transpose_b');
}

/** With a third axis: the graph optimiser would make a product's flag of the transpose otherwise. */
function transposed(x: Ref): Ref {
  const { shape, dtype } = output(x);
  const [rows, columns] = shape as readonly [number, number];
  const turned = single({
    op: 'Transpose',
    attrs: [typeAttr('T', dtype), typeAttr('Tperm', DataType.int32)],
    inputs: [reshaped(x, [rows, columns, 1]), constant(Int32Array.of(1, 0, 2), [3])],
    outputs: [{ shape: [columns, rows, 1], dtype }],
  });
  return reshaped(turned, [columns, rows]);
}
