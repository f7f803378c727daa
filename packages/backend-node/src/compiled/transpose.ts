import { hasOperations } from '../operations.js';
import { constant, type Graph, type Node, output, type Ref, single } from './graph.js';
import { AttrType, DataType } from './native.js';
import { transform } from './transform.js';

/** With more numbers TensorFlow's own is as good. */
const MOST = 2 ** 20;

/** Transposed matrices by native/transpose.cc: for small ones TensorFlow's own takes ten times as long. */
export function transposes(graph: Graph): Graph {
  if (!hasOperations()) return graph;
  return transform(graph, (node) => {
    const rows = rowsOf(node);
    if (rows === undefined) return undefined;
    const { shape } = node.outputs[0]!;
    return [
      single({
        op: 'ChainruleTranspose',
        attrs: [{ name: 'rows', type: AttrType.int, value: rows }],
        inputs: [node.inputs[0]!, constant(Int32Array.from(shape), [shape.length])],
        outputs: node.outputs,
      }),
    ];
  });
}

/** The rows of the matrix that the node transposes; undefined where it does anything else. */
function rowsOf(node: Node): number | undefined {
  if (node.op !== 'Transpose') return undefined;
  const [x, order] = node.inputs as [Ref, Ref];
  const { shape, dtype } = output(x);
  const size = shape.reduce((product, n) => product * n, 1);
  if (dtype !== DataType.float32 || order.node.op !== 'Constant' || size === 0 || size > MOST)
    return undefined;
  // Axes of one place stand anywhere; of the others the last ones come first.
  const axes = Array.from(order.node.values!, Number).filter((axis) => shape[axis]! > 1);
  const first = axes.indexOf(Math.min(...axes));
  const sorted = [...axes.slice(first), ...axes.slice(0, first)];
  if (first < 1 || sorted.some((axis, i) => i > 0 && axis < sorted[i - 1]!)) return undefined;
  return axes.slice(first).reduce((product, axis) => product * shape[axis]!, 1);
}
