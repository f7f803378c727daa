import { hasProduct } from '../operations.js';
import { type Graph, type Node, output, single } from './graph.js';
import { flag } from './matrices.js';
import { AttrType, DataType, type OpAttr } from './native.js';
import { ownProducts } from './own-products.js';

/**
 * Products of matrices, with the bias and the ReLU that follow, as one operation of
 * native/product.cc, where the processor has AMX: as exact as TensorFlow's, and faster.
 */

const PRODUCT = 'ChainruleProduct';

/** Multiplications; fewer take less time than it takes to share them. */
const LEAST = 2 ** 24;
/** Of rows, columns and depth: a tile that is not full does the same work. */
const SHORTEST = 32;

export function tiledProducts(graph: Graph): Graph {
  if (!hasProduct()) return graph;
  return ownProducts(graph, (node, none) => {
    if (node.op !== 'MatMul' || !isLarge(node)) return undefined;
    const { inputs, outputs } = node;
    const flags = {
      transpose_a: flag(node, 'transpose_a'),
      transpose_b: flag(node, 'transpose_b'),
      relu: false,
    };
    const own = Object.entries(flags).map(
      ([name, value]): OpAttr => ({ name, type: AttrType.bool, value }),
    );
    return single({ op: PRODUCT, attrs: own, inputs: [...inputs, none], outputs });
  });
}

function isLarge(node: Node): boolean {
  const { inputs, outputs } = node;
  const [{ shape, dtype }] = outputs as [Node['outputs'][number]];
  const [rows = 0, columns = 0] = shape;
  const depth = output(inputs[0]!).shape[flag(node, 'transpose_a') ? 0 : 1]!;
  return (
    dtype === DataType.float32 &&
    Math.min(rows, columns, depth) >= SHORTEST &&
    rows * columns * depth >= LEAST
  );
}
