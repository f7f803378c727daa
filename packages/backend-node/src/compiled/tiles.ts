import { hasProduct } from '../operations.js';
import { constant, type Graph, type Node, output, type Ref, single } from './graph.js';
import { AttrType, DataType, type OpAttr } from './native.js';
import { transform } from './transform.js';
import { usersIn } from './users.js';

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
  const users = usersIn(graph);
  /** Whether a value is a product that nobody but this node sees. */
  const only = (ref: Ref, original: Ref) => ref.node.op === PRODUCT && users(original).length === 1;
  return transform(graph, (node, original) => {
    if (node.op === 'MatMul' && isLarge(node)) {
      const { inputs, attrs, outputs } = node;
      const none = constant(new Float32Array(0), [0]);
      return [
        single({ op: PRODUCT, attrs: attributes(attrs), inputs: [...inputs, none], outputs }),
      ];
    }
    const [x, bias] = node.inputs;
    if (x === undefined || !only(x, original.inputs[0]!)) return undefined;
    const { inputs, attrs } = x.node;
    if (node.op === 'BiasAdd' && !hasBias(x.node) && !isRectified(x.node)) {
      return [single({ ...x.node, inputs: [...inputs.slice(0, 2), bias!] })];
    }
    if (node.op === 'Relu') return [single({ ...x.node, attrs: attributes(attrs, true) })];
    return undefined;
  });
}

const hasBias = ({ inputs }: Node) => output(inputs[2]!).shape[0] !== 0;
const flag = (attrs: readonly OpAttr[], name: string) =>
  attrs.some((attr) => attr.name === name && attr.value === true);
const isRectified = ({ attrs }: Node) => flag(attrs, 'relu');

function isLarge({ attrs, inputs, outputs }: Node): boolean {
  const [{ shape, dtype }] = outputs as [Node['outputs'][number]];
  const [rows = 0, columns = 0] = shape;
  const depth = output(inputs[0]!).shape[flag(attrs, 'transpose_a') ? 0 : 1]!;
  return (
    dtype === DataType.float32 &&
    Math.min(rows, columns, depth) >= SHORTEST &&
    rows * columns * depth >= LEAST
  );
}

const attributes = (attrs: readonly OpAttr[], relu = false): OpAttr[] =>
  Object.entries({
    transpose_a: flag(attrs, 'transpose_a'),
    transpose_b: flag(attrs, 'transpose_b'),
    relu,
  }).map(([name, value]) => ({ name, type: AttrType.bool, value }));
