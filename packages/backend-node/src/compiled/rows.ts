import { hasOperations, hasProduct } from '../operations.js';
import { type Graph, type Node, output, type Ref, single } from './graph.js';
import { flag } from './matrices.js';
import { AttrType, DataType } from './native.js';
import { ownProducts } from './own-products.js';

/**
 * Products of matrices of few rows as an operation of native/rows.cc each, which takes a bias in:
 * what TensorFlow's own do beside such a product (reordering the weights, waking threads) takes as
 * long as the product.
 */

const PRODUCT = 'ChainruleMatMul';

/** Fewer multiplications take no time beside what any operation costs. */
const LEAST = 2 ** 17;
/** With more examples TensorFlow's own are faster, and with fewer already those of tiles.ts. */
const MOST = 1024;
const MOST_BESIDE_TILES = 96;
/** That many numbers are computed at once, of one row or one column. */
const LANES = 16;

export function rowProducts(graph: Graph): Graph {
  if (!hasOperations()) return graph;
  return ownProducts(graph, (node, none) => {
    const product = productOf(node);
    if (product === undefined || !isWorth(product, most(node))) return undefined;
    return own(node, product, [...node.inputs, none]);
  });
}

/** The matrices of a product, `[…batch, rows, depth]` by `[…batch, depth, columns]`. */
interface Product {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly batch: number;
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
}

function productOf(node: Node): Product | undefined {
  const flags = FLAGS[node.op];
  if (flags === undefined || output(single(node)).dtype !== DataType.float32) return undefined;
  const [transposeA = false, transposeB = false] = flags.map((name) => flag(node, name));
  const [a = [], b = []] = node.inputs.map((ref) => output(ref).shape);
  if (`${a.slice(0, -2)}` !== `${b.slice(0, -2)}`) return undefined;
  const matrix = (shape: readonly number[], turned: boolean) =>
    (turned ? shape.slice(-2).toReversed() : shape.slice(-2)) as [number, number];
  const [rows, depth] = matrix(a, transposeA);
  const [, columns] = matrix(b, transposeB);
  const batch = a.slice(0, -2).reduce((product, n) => product * n, 1);
  return { transposeA, transposeB, batch, rows, depth, columns };
}

const FLAGS: { readonly [op: string]: readonly [string, string] } = {
  MatMul: ['transpose_a', 'transpose_b'],
  BatchMatMulV2: ['adj_x', 'adj_y'],
};

const most = ({ op }: Node) => (op === 'MatMul' && hasProduct() ? MOST_BESIDE_TILES : MOST);

function isWorth(
  { transposeA, transposeB, batch, rows, depth, columns }: Product,
  most: number,
): boolean {
  if (transposeA && transposeB) return false;
  const examples = transposeA ? depth : rows;
  // Half a vector of columns is worth it too.
  const enough = transposeB ? rows >= LANES : columns >= LANES / 2;
  return examples <= most && enough && batch * rows * depth * columns >= LEAST;
}

function own({ outputs }: Node, { transposeA, transposeB }: Product, inputs: readonly Ref[]): Ref {
  const bool = (name: string, value: boolean) => ({ name, type: AttrType.bool, value });
  const attrs = [bool('transpose_a', transposeA), bool('transpose_b', transposeB)];
  return single({ op: PRODUCT, attrs, inputs, outputs });
}
