import { type Node, output, reachable } from './graph.js';
import type { Threads } from './session.js';

/** With more work beside the longest path than this, other threads are worth handing operations to. */
const BRANCHES = 1.2;
/** The same where most of the work is done by operations of ours: each keeps all cores busy by itself. */
const BRANCHES_OF_OURS = 1.5;
/** Work that little else waits for, as a weight's gradient, goes at the end and gains nothing. */
const LITTLE = 2 ** 20;

/** Measured on two cores: a graph of 1.27 is a fifth faster, one of 1.05 an eighth slower. */
const FILLED = 0.6;
/** Of a graph whose work is for the most part in large operations: one of 1.5 is a tenth slower. */
const FILLED_BY_LARGE = 0.9;

/**
 * The threads that a graph's operations gain from. Operations run beside each other where there is
 * something to run: a picture's and a text's layers, not the steps of one LSTM. If that keeps all cores
 * busy, operations that share their own work among threads as well would wait for each other.
 */
export function threadsOf(roots: readonly Node[], cores: number): Threads {
  const found = parallelism(roots);
  const { ours, large, total } = workOf(roots);
  const branches = 2 * ours > total ? BRANCHES_OF_OURS : BRANCHES;
  const filled = (2 * large > total ? FILLED_BY_LARGE : FILLED) * cores;
  return { beside: found > branches, within: large > 0 && found <= filled };
}

/** The graph's work divided by the work on its longest path. */
export function parallelism(roots: readonly Node[]): number {
  const nodes = reachable(roots);
  /** The longest path that begins with what the node gives. */
  const after = new Map<Node, number>();
  for (const node of nodes.toReversed()) {
    const path = (after.get(node) ?? 0) + work(node);
    for (const { node: input } of node.inputs) {
      after.set(input, Math.max(after.get(input) ?? 0, path));
    }
  }
  const until = new Map<Node, number>();
  let total = 0;
  let longest = 0;
  for (const node of nodes) {
    const own = (after.get(node) ?? 0) < LITTLE ? 0 : work(node);
    const path = own + node.inputs.reduce((most, ref) => Math.max(most, until.get(ref.node)!), 0);
    until.set(node, path);
    total += own;
    longest = Math.max(longest, path);
  }
  return longest === 0 ? 1 : total / longest;
}

/** So many numbers are read and written in the time that it takes to wake a thread. */
const LARGE = 2 ** 21;
/** Numbers that an optimiser's operation reads and writes for each of a gradient. */
const UPDATE = 8;

/**
 * A graph's work, the part of it that operations of ours (native) do, which have threads of their own, and
 * that of TensorFlow's own that are worth more than one core.
 */
export function workOf(roots: readonly Node[]): { ours: number; large: number; total: number } {
  let [ours, large, total] = [0, 0, 0];
  for (const node of reachable(roots)) {
    const own = work(node) * (node.op.startsWith('ResourceApply') ? UPDATE : 1);
    total += own;
    if (node.op.startsWith('Chainrule')) ours += own;
    else if (own > LARGE && node.op !== 'AssignVariableOp') large += own;
  }
  return { ours, large, total };
}

/** What an operation costs beside its numbers, in numbers. */
const CALL = 2 ** 12;
/** Products in the time that a number takes to be read or written. */
const PRODUCTS = 8;

/** Roughly how long an operation takes, in numbers read and written. */
function work(node: Node): number {
  if (node.inputs.length === 0 || FREE.has(node.op)) return 0;
  const shapes = [...node.inputs.map(output), ...node.outputs].map(({ shape }) => shape);
  return shapes.reduce((sum, shape) => sum + size(shape), CALL) + products(node) / PRODUCTS;
}

/** What only looks at its input in another way. */
const FREE = new Set(['ExpandDims', 'Identity', 'ReadVariableOp', 'Reshape', 'Squeeze']);

const size = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);

/** Multiplications of a product of matrices or a convolution. */
function products(node: Node): number {
  const [a = [], b = [], c = []] = node.inputs.map((ref) => output(ref).shape);
  const out = node.outputs[0]?.shape ?? [];
  const places = (map: readonly number[]) => size(map.slice(0, -1));
  switch (node.op) {
    case 'MatMul':
    case 'BatchMatMulV2':
    case 'ChainruleMatMul':
    case 'ChainruleLinear':
      return Math.sqrt(size(a) * size(b) * size(out));
    case 'ChainruleDense':
      return size(a) * out.at(-1)!;
    case 'ChainruleDenseAdam':
      return 2 * size(a) * b.at(-1)!;
    case 'ChainruleLinearGradient':
      return (size(out) > 0 ? 2 : 1) * size(a) * b.at(-1)!;
    case 'ChainruleLstm':
      return size(a) * b[0]!;
    case 'ChainruleLstmGradient':
      return size(a) * b[1]!;
    case 'Conv2D':
    case 'ChainruleConvolution':
      return places(out) * size(b);
    case 'Conv2DBackpropInput':
      return places(c) * size(b);
    case 'ChainruleConvolutionInputGradient':
      return places(a) * size(b);
    case 'Conv2DBackpropFilter':
      return places(c) * size(out);
    case 'ChainruleFilterGradient':
      return places(b) * size(out);
    default:
      return 0;
  }
}
