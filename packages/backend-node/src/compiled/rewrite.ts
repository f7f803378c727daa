import {
  constant,
  type Graph,
  type Node,
  output,
  type Ref,
  sameRef,
  single,
  splatValue,
} from './graph.js';
import { AttrType, DataType, type OpAttr, typeAttr } from './native.js';
import { broadcastShapes } from './shapes.js';
import { transform } from './transform.js';

/**
 * Replaces what tfjs spells out by the operations that TensorFlow has fused kernels for. Each rule
 * keeps the values, to rounding. (Where a step's gradient is NaN or infinite, ReluGrad gives 0 for
 * inputs that are not positive.)
 */
export function rewrite(graph: Graph): Graph {
  const relus = new Map<Node, Ref>();
  return transform(graph, (node) => {
    let current: Ref = { node, index: 0 };
    if (node.outputs.length !== 1) return undefined;
    for (let changed = true; changed; ) {
      changed = false;
      for (const rule of RULES) {
        const next = rule(current.node, relus);
        if (next === undefined) continue;
        current = next;
        changed = next.index === 0 && next.node.outputs.length === 1;
        break;
      }
    }
    const [x] = current.node.inputs;
    if (current.node.op === 'Relu' && x!.index === 0) relus.set(x!.node, current);
    return current.node === node ? undefined : [current];
  });
}

type Rule = (node: Node, relus: ReadonlyMap<Node, Ref>) => Ref | undefined;

const isOp = (ref: Ref | undefined, op: string): ref is Ref => ref?.node.op === op;
const shapeOf = (ref: Ref) => output(ref).shape;
const sameShape = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);
const isFloat = (ref: Ref) => output(ref).dtype === DataType.float32;
const attr = (node: Node, name: string) => node.attrs.find((a) => a.name === name)?.value;
const float = (name = 'T') => typeAttr(name, DataType.float32);

/** A node like `node` with another operation, inputs and attributes, or only some of these. */
function replace(
  node: Node,
  op: string,
  inputs: readonly Ref[],
  attrs: readonly OpAttr[] = [float()],
): Ref {
  return single({ op, attrs, inputs, outputs: node.outputs });
}

/** Casts, reshapes and the like that change nothing. */
const dropNothing: Rule = (node) => {
  const [x, y] = node.inputs;
  if (!x) return undefined;
  const same = sameShape(shapeOf(x), node.outputs[0]!.shape);
  const sameType = output(x).dtype === node.outputs[0]!.dtype;
  if (!same || !sameType) return undefined;
  if (['Reshape', 'Cast', 'Identity', 'BroadcastTo'].includes(node.op)) return x;
  if (node.op === 'Mul' && splatValue(y) === 1) return x;
  if (node.op === 'Add' && splatValue(y) === 0) return x;
  return undefined;
};

const isRepeated = ({ values, outputs }: Node) =>
  values!.length === 1 && outputs[0]!.shape.some((size) => size !== 1);

/** A large constant of one number need not be stored. */
const fillConstants: Rule = (node) => {
  const value = node.op === 'Constant' && isRepeated(node) ? node.values![0] : undefined;
  if (value === undefined) return undefined;
  const { shape, dtype } = node.outputs[0]!;
  if (dtype !== DataType.float32 && dtype !== DataType.int32) return undefined;
  const scalar = dtype === DataType.float32 ? Float32Array.of(value) : Int32Array.of(value);
  return replace(
    node,
    'Fill',
    [constant(Int32Array.from(shape), [shape.length]), constant(scalar, [])],
    [typeAttr('T', dtype), typeAttr('index_type', DataType.int32)],
  );
};

const BROADCASTING = new Set([
  'Add',
  'AddV2',
  'Sub',
  'Mul',
  'RealDiv',
  'Maximum',
  'Minimum',
  'Greater',
  'GreaterEqual',
  'Less',
  'LessEqual',
  'Equal',
  'NotEqual',
  'SquaredDifference',
  'SelectV2',
]);

/** Operations that broadcast take a Fill's number, or what was broadcast, as it is. */
const dropBroadcasts: Rule = (node) => {
  if (!BROADCASTING.has(node.op)) return undefined;
  const small = (ref: Ref): Ref => {
    if (ref.node.op === 'Fill') return ref.node.inputs[1]!;
    return ref.node.op === 'BroadcastTo' ? ref.node.inputs[0]! : ref;
  };
  for (const [i, ref] of node.inputs.entries()) {
    const candidate = small(ref);
    if (candidate === ref) continue;
    const inputs = node.inputs.map((other, k) => (k === i ? candidate : other));
    if (sameShape(broadcastShapes(inputs.map(shapeOf)), node.outputs[0]!.shape)) {
      return single({ ...node, inputs });
    }
  }
  return undefined;
};

/** tfjs broadcasts by a product with ones. */
const broadcastOnes: Rule = (node) => {
  const [x, y] = node.inputs;
  if (node.op !== 'Mul' || !y || !isOp(y, 'Fill') || splatValue(y) !== 1 || !isFloat(y))
    return undefined;
  const { shape } = node.outputs[0]!;
  return replace(
    node,
    'BroadcastTo',
    [x!, constant(Int32Array.from(shape), [shape.length])],
    [float(), typeAttr('Tidx', DataType.int32)],
  );
};

/** A product of two matrices has a kernel of its own, which can take a bias and an activation in. */
const matMul: Rule = (node) => {
  const [a, b] = node.inputs;
  if (node.op !== 'BatchMatMulV2' || shapeOf(a!).length !== 2 || shapeOf(b!).length !== 2)
    return undefined;
  const transpose = (name: string, from: string): OpAttr => ({
    name,
    type: AttrType.bool,
    value: attr(node, from) === true,
  });
  return replace(node, 'MatMul', node.inputs, [
    float(),
    transpose('transpose_a', 'adj_x'),
    transpose('transpose_b', 'adj_y'),
  ]);
};

/** x + b, b a vector along the last axis. */
const biasAdd: Rule = (node) => {
  if (node.op !== 'Add' || !isFloat(single(node))) return undefined;
  const { shape } = node.outputs[0]!;
  const [a, b] = node.inputs as [Ref, Ref];
  const fits = (x: Ref, bias: Ref) =>
    shape.length >= 2 && sameShape(shapeOf(x), shape) && sameShape(shapeOf(bias), shape.slice(-1));
  const inputs = fits(a, b) ? [a, b] : fits(b, a) ? [b, a] : undefined;
  if (inputs === undefined) return replace(node, 'AddV2', node.inputs);
  return replace(node, 'BiasAdd', inputs, [float(), NHWC]);
};

const NHWC: OpAttr = { name: 'data_format', type: AttrType.string, value: 'NHWC' };

/** Select broadcasts in its second version. */
const selectV2: Rule = (node) => {
  if (node.op !== 'Select') return undefined;
  const [c, t] = node.inputs as [Ref, Ref];
  // The first version takes a vector condition as one of rows.
  if (!sameShape(shapeOf(c), shapeOf(t))) return undefined;
  return replace(node, 'SelectV2', node.inputs, node.attrs);
};

/** dy · step(x) → ReluGrad, on relu(x) where the forward pass has it: x then need not be kept. */
const reluGrad: Rule = (node, relus) => {
  if (node.op !== 'Mul') return undefined;
  const [dy, gate] = node.inputs as [Ref, Ref];
  const x = stepOf(gate);
  if (x === undefined || !sameShape(shapeOf(dy), shapeOf(x))) return undefined;
  return replace(node, 'ReluGrad', [dy, (x.index === 0 && relus.get(x.node)) || x]);
};

/** x, if `gate` is how tfjs writes the derivative of relu: 1 where x > 0, else 0, NaN where x is. */
function stepOf(gate: Ref): Ref | undefined {
  if (!isOp(gate, 'SelectV2')) return undefined;
  const [isNan, x, step] = gate.node.inputs as [Ref, Ref, Ref];
  if (!isOp(isNan, 'IsNan') || !isOp(step, 'SelectV2')) return undefined;
  const [positive, one, zero] = step.node.inputs as [Ref, Ref, Ref];
  const matches =
    isOp(positive, 'Greater') &&
    sameRef(isNan.node.inputs[0]!, x) &&
    sameRef(positive.node.inputs[0]!, x) &&
    splatValue(positive.node.inputs[1]) === 0 &&
    splatValue(one) === 1 &&
    splatValue(zero) === 0;
  return matches ? x : undefined;
}

/** dy · y·(1 − y) → SigmoidGrad. */
const sigmoidGrad: Rule = (node) => {
  if (node.op !== 'Mul') return undefined;
  const [dy, slope] = node.inputs as [Ref, Ref];
  if (!isOp(slope, 'Mul')) return undefined;
  const [y, rest] = slope.node.inputs as [Ref, Ref];
  if (!isOp(rest, 'Sub') || !isOp(y, 'Sigmoid')) return undefined;
  const [one, same] = rest.node.inputs as [Ref, Ref];
  if (!sameRef(same, y) || splatValue(one) !== 1) return undefined;
  return sameShape(shapeOf(dy), shapeOf(y)) ? replace(node, 'SigmoidGrad', [y, dy]) : undefined;
};

/** (1 − y²) · dy → TanhGrad. */
const tanhGrad: Rule = (node) => {
  if (node.op !== 'Mul') return undefined;
  const [slope, dy] = node.inputs as [Ref, Ref];
  if (!isOp(slope, 'Sub')) return undefined;
  const [one, square] = slope.node.inputs as [Ref, Ref];
  if (!isOp(square, 'Square')) return undefined;
  const y = square.node.inputs[0]!;
  if (!isOp(y, 'Tanh') || splatValue(one) !== 1) return undefined;
  return sameShape(shapeOf(dy), shapeOf(y)) ? replace(node, 'TanhGrad', [y, dy]) : undefined;
};

/** The sum over all axes but the last: the gradient of a bias. */
const biasAddGrad: Rule = (node) => {
  const [dy, axes] = node.inputs;
  if (node.op !== 'Sum' || !isFloat(dy!) || !isOp(axes, 'Constant')) return undefined;
  const rank = shapeOf(dy!).length;
  const summed = new Set(Array.from(axes.node.values!, (axis) => (axis + rank) % rank));
  if (rank < 2 || summed.size !== rank - 1 || summed.has(rank - 1) || attr(node, 'keep_dims')) {
    return undefined;
  }
  return replace(node, 'BiasAddGrad', [dy!], [float(), NHWC]);
};

/**
 * oneDNN transposes float32 only, and complains on stderr about other types. So int32 goes through
 * as float32 of the same bits, and what was cast to float32 (a mask, say) stays behind its cast: the
 * graph optimiser would move the transpose before it, did it not see an operation in between.
 */
const transposeFloats: Rule = (node) => {
  if (node.op !== 'Transpose') return undefined;
  const [x, order] = node.inputs as [Ref, Ref];
  const { shape } = node.outputs[0]!;
  const transposed = (from: Ref): Ref =>
    single({
      op: 'Transpose',
      attrs: [float(), typeAttr('Tperm', DataType.int32)],
      inputs: [from, order],
      outputs: [{ shape, dtype: DataType.float32 }],
    });
  const bitcast = (from: Ref, to: number): Ref =>
    single({
      op: 'Bitcast',
      attrs: [typeAttr('T', output(from).dtype), typeAttr('type', to)],
      inputs: [from],
      outputs: [{ shape: shapeOf(from), dtype: to }],
    });
  if (output(x).dtype === DataType.int32) {
    return bitcast(transposed(bitcast(x, DataType.float32)), DataType.int32);
  }
  let from = x;
  while (isFloat(from) && SHAPING.has(from.node.op)) from = from.node.inputs[0]!;
  if (!isFloat(x) || isFloat(from)) return undefined;
  const least = constant(Float32Array.of(Number.NEGATIVE_INFINITY), []);
  return transposed(replace({ ...x.node, outputs: [output(x)] }, 'Maximum', [x, least]));
};

/** What only casts or reshapes its first input. */
const SHAPING = new Set(['Cast', 'ExpandDims', 'Identity', 'Reshape', 'Squeeze', 'Transpose']);

const RULES: readonly Rule[] = [
  dropNothing,
  fillConstants,
  broadcastOnes,
  dropBroadcasts,
  selectV2,
  matMul,
  biasAdd,
  reluGrad,
  sigmoidGrad,
  tanhGrad,
  biasAddGrad,
  transposeFloats,
];
