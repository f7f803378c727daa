import type { Output, Ref } from './graph.js';
import { DataType, type OpAttr } from './native.js';

/**
 * Shapes and types of an operation's outputs from those of its inputs, so that recording a step
 * computes nothing. Undefined for an operation that is not known here, or whose shape hangs on an
 * input that is not a constant: the recorder then runs it on zeros.
 */
export function inferOutputs(
  op: string,
  attrs: readonly OpAttr[],
  inputs: readonly Ref[],
  count: number,
): readonly Output[] | undefined {
  const rule = RULES[op];
  if (rule === undefined) return undefined;
  const outputs = inputs.map(({ node, index }) => node.outputs[index]!);
  return rule({
    count,
    shapes: outputs.map(({ shape }) => shape),
    dtypes: outputs.map(({ dtype }) => dtype),
    attr: (name) => attrs.find((attr) => attr.name === name)?.value as never,
    constant: (i) => {
      const { node } = inputs[i]!;
      return node.op === 'Constant' ? Array.from(node.values!) : undefined;
    },
  });
}

type Shape = readonly number[];

interface Operation {
  readonly count: number;
  readonly shapes: readonly Shape[];
  readonly dtypes: readonly number[];
  readonly attr: <T>(name: string) => T | undefined;
  readonly constant: (input: number) => number[] | undefined;
}

type Rule = (operation: Operation) => readonly Output[] | undefined;

const one = (shape: Shape, dtype: number): Output[] => [{ shape, dtype }];
const like =
  (input: number): Rule =>
  ({ shapes, dtypes }) =>
    one(shapes[input]!, dtypes[input]!);
const axis = (n: number, rank: number) => (n < 0 ? n + rank : n);
const size = (shape: Shape) => shape.reduce((product, n) => product * n, 1);

export function broadcastShapes(shapes: readonly Shape[]): number[] {
  const rank = Math.max(...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, i) =>
    shapes.reduce((n, shape) => {
      const other = shape[shape.length - rank + i] ?? 1;
      return other === 1 ? n : other;
    }, 1),
  );
}

const binary: Rule = ({ shapes, dtypes }) => one(broadcastShapes(shapes), dtypes[0]!);
const comparison: Rule = ({ shapes }) => one(broadcastShapes(shapes), DataType.bool);
const test: Rule = ({ shapes }) => one(shapes[0]!, DataType.bool);

const reduction: Rule = ({ shapes, dtypes, attr, constant }) => {
  const axes = constant(1);
  if (axes === undefined) return undefined;
  const [shape] = shapes as [Shape];
  const reduced = new Set(axes.map((n) => axis(n, shape.length)));
  const keep = attr<boolean>('keep_dims') === true;
  const kept = shape.flatMap((n, i) => (!reduced.has(i) ? [n] : keep ? [1] : []));
  return one(kept, dtypes[0]!);
};

const matMul: Rule = ({ shapes, dtypes, attr }) => {
  const [a, b] = shapes as [Shape, Shape];
  const rows = a.at(attr<boolean>('adj_x') ? -1 : -2)!;
  const columns = b.at(attr<boolean>('adj_y') ? -2 : -1)!;
  const batch = broadcastShapes([a.slice(0, -2), b.slice(0, -2), []]);
  return one([...batch, rows, columns], dtypes[0]!);
};

/** Output size of a window that slides along an axis. */
function slide(input: number, window: number, stride: number, padding: string): number {
  return padding === 'SAME' ? Math.ceil(input / stride) : Math.ceil((input - window + 1) / stride);
}

function windowed(
  { shapes, dtypes, attr }: Operation,
  window: Shape,
  channels: number,
): Output[] | undefined {
  const padding = attr<string>('padding')!;
  const layout = attr<string>('data_format') ?? 'NHWC';
  if (padding === 'EXPLICIT' || layout !== 'NHWC') return undefined;
  const strides = attr<number[]>('strides')!;
  const dilations = attr<number[]>('dilations') ?? [1, 1, 1, 1];
  const [x] = shapes as [Shape];
  const spatial = [1, 2].map((i) =>
    slide(x[i]!, (window[i - 1]! - 1) * dilations[i]! + 1, strides[i]!, padding),
  );
  return one([x[0]!, ...spatial, channels], dtypes[0]!);
}

/** The shape is what a constant input says; the type is that of another input. */
const shapeFrom =
  (input: number, typeFrom: number): Rule =>
  ({ dtypes, constant }) => {
    const shape = constant(input);
    return shape && one(shape, dtypes[typeFrom]!);
  };

function replaced(shape: Shape, at: number, n: number): number[] {
  return shape.map((old, i) => (i === at ? n : old));
}

const RULES: { readonly [op: string]: Rule } = {
  ...table(
    [
      'Abs',
      'Acos',
      'Asin',
      'Asinh',
      'Atan',
      'Atanh',
      'Ceil',
      'Cos',
      'Cosh',
      'Elu',
      'EluGrad',
      'Erf',
    ]
      .concat([
        'Exp',
        'Expm1',
        'Floor',
        'Identity',
        'LeakyRelu',
        'Log',
        'Log1p',
        'LogSoftmax',
        'Neg',
      ])
      .concat(['Reciprocal', 'Relu', 'Relu6', 'Round', 'Rsqrt', 'Selu', 'Sigmoid', 'Sign', 'Sin'])
      .concat(['Sinh', 'Softmax', 'Softplus', 'Sqrt', 'Square', 'Tan', 'Tanh', 'ZerosLike', 'AddN'])
      .concat(['LogicalNot', 'Cumsum', 'ReverseV2', 'MaxPoolGrad']),
    like(0),
  ),
  ...table(
    [
      'Add',
      'Sub',
      'Mul',
      'RealDiv',
      'Div',
      'FloorDiv',
      'FloorMod',
      'Pow',
      'Maximum',
      'Minimum',
    ].concat(['SquaredDifference', 'LogicalAnd', 'LogicalOr', 'Atan2']),
    binary,
  ),
  ...table(['Equal', 'NotEqual', 'Less', 'LessEqual', 'Greater', 'GreaterEqual'], comparison),
  ...table(['IsNan', 'IsInf', 'IsFinite'], test),
  ...table(['Sum', 'Mean', 'Max', 'Min', 'Prod', 'All', 'Any'], reduction),
  Select: like(1),
  BatchMatMulV2: matMul,
  Conv2D: (operation) => windowed(operation, operation.shapes[1]!, operation.shapes[1]!.at(-1)!),
  Conv2DBackpropInput: shapeFrom(0, 1),
  Conv2DBackpropFilter: shapeFrom(1, 0),
  MaxPool: (operation) =>
    windowed(operation, operation.attr<number[]>('ksize')!.slice(1), operation.shapes[0]!.at(-1)!),
  Cast: ({ shapes, attr }) => one(shapes[0]!, attr<number>('DstT')!),
  Reshape: ({ shapes, dtypes, constant }) => {
    const shape = constant(1);
    if (shape === undefined) return undefined;
    const known = shape.filter((n) => n >= 0);
    const rest = size(shapes[0]!) / size(known);
    return one(
      shape.map((n) => (n < 0 ? rest : n)),
      dtypes[0]!,
    );
  },
  ExpandDims: ({ shapes, dtypes, constant }) => {
    const at = constant(1)?.[0];
    return at === undefined
      ? undefined
      : one(shapes[0]!.toSpliced(axis(at, shapes[0]!.length + 1), 0, 1), dtypes[0]!);
  },
  Transpose: ({ shapes, dtypes, constant }) => {
    const order = constant(1);
    return (
      order &&
      one(
        order.map((i) => shapes[0]![i]!),
        dtypes[0]!,
      )
    );
  },
  Slice: ({ dtypes, constant }) => {
    const sizes = constant(2);
    return sizes?.every((n) => n >= 0) ? one(sizes, dtypes[0]!) : undefined;
  },
  PadV2: ({ shapes, dtypes, constant }) => {
    const pad = constant(1);
    return (
      pad &&
      one(
        shapes[0]!.map((n, i) => n + pad[2 * i]! + pad[2 * i + 1]!),
        dtypes[0]!,
      )
    );
  },
  Tile: ({ shapes, dtypes, constant }) => {
    const times = constant(1);
    return (
      times &&
      one(
        shapes[0]!.map((n, i) => n * times[i]!),
        dtypes[0]!,
      )
    );
  },
  ConcatV2: ({ shapes, dtypes, constant }) => {
    const at = constant(shapes.length - 1)?.[0];
    if (at === undefined) return undefined;
    const parts = shapes.slice(0, -1);
    const along = axis(at, parts[0]!.length);
    const total = parts.reduce((sum, shape) => sum + shape[along]!, 0);
    return one(replaced(parts[0]!, along, total), dtypes[0]!);
  },
  Pack: ({ shapes, dtypes, attr }) => {
    const at = axis(attr<number>('axis') ?? 0, shapes[0]!.length + 1);
    return one(shapes[0]!.toSpliced(at, 0, shapes.length), dtypes[0]!);
  },
  Unpack: ({ shapes, dtypes, attr, count }) => {
    const at = axis(attr<number>('axis') ?? 0, shapes[0]!.length);
    return Array.from({ length: count }, () => ({
      shape: shapes[0]!.toSpliced(at, 1),
      dtype: dtypes[0]!,
    }));
  },
  SplitV: ({ shapes, dtypes, constant }) => {
    const sizes = constant(1);
    const at = constant(2)?.[0];
    if (at === undefined || !sizes?.every((n) => n >= 0)) return undefined;
    const along = axis(at, shapes[0]!.length);
    return sizes.map((n) => ({ shape: replaced(shapes[0]!, along, n), dtype: dtypes[0]! }));
  },
  GatherV2: ({ shapes, dtypes, attr, constant }) => {
    const at = constant(2)?.[0];
    if (at === undefined || attr<number>('batch_dims')) return undefined;
    const [x, indices] = shapes as [Shape, Shape];
    return one(x.toSpliced(axis(at, x.length), 1, ...indices), dtypes[0]!);
  },
  UnsortedSegmentSum: ({ shapes, dtypes, constant }) => {
    const segments = constant(2)?.[0];
    if (segments === undefined) return undefined;
    return one([segments, ...shapes[0]!.slice(shapes[1]!.length)], dtypes[0]!);
  },
  // The last output is the implementation's own, for the gradient; here it may have any shape.
  FusedBatchNormV3: ({ shapes, dtypes }) => [
    ...one(shapes[0]!, dtypes[0]!),
    ...[1, 2, 3, 4].flatMap(() => one(shapes[1]!, DataType.float32)),
    ...one([], DataType.float32),
  ],
  FusedBatchNormGradV3: ({ shapes, dtypes }) => [
    ...one(shapes[1]!, dtypes[1]!),
    ...[1, 2].flatMap(() => one(shapes[2]!, DataType.float32)),
    ...[3, 4].flatMap(() => one([0], DataType.float32)),
  ],
  SoftmaxCrossEntropyWithLogits: ({ shapes, dtypes }) => [
    ...one(shapes[0]!.slice(0, 1), dtypes[0]!),
    ...one(shapes[0]!, dtypes[0]!),
  ],
  ChainruleLstm: ({ shapes: [x] }) => {
    const [time, batch, gates] = x as [number, number, number];
    return [1, 6].flatMap((parts) => one([time, batch, (parts * gates) / 4], DataType.float32));
  },
  ChainruleLstmGradient: ({ shapes: [dy] }) =>
    one([dy![0]!, dy![1]!, 4 * dy![2]!], DataType.float32),
  ChainruleAttention: ({ shapes: [q, k], attr }) => {
    const [batch, queries] = q as [number, number];
    const padded = Math.ceil(k![1]! / 16) * 16;
    const weights = [batch, attr<number>('heads')!, queries, padded];
    return [q!, weights].flatMap((shape) => one(shape, DataType.float32));
  },
  ChainruleAttentionGradient: ({ shapes: [, q, k, v] }) =>
    [q!, k!, v!].flatMap((shape) => one(shape, DataType.float32)),
  ChainruleLayerNorm: ({ shapes: [x] }) => [
    ...one(x!, DataType.float32),
    ...[1, 2].flatMap(() => one([size(x!.slice(0, -1))], DataType.float32)),
  ],
  ChainruleLayerNormGradient: ({ shapes: [, x, scale] }) =>
    [x!, scale!, scale!].flatMap((shape) => one(shape, DataType.float32)),
  ChainruleModulate: like(0),
  ChainruleModulateGradient: ({ shapes: [, x, both] }) =>
    [x!, both!].flatMap((shape) => one(shape, DataType.float32)),
  ChainruleFactorSum: ({ shapes: [x], attr }) =>
    one([x![0]!, x![1]! / attr<number>('count')!], DataType.float32),
  ChainruleFactorSumGradient: ({ shapes: [, x] }) =>
    [x!, x!].flatMap((shape) => one(shape, DataType.float32)),
  ChainruleFlip: like(0),
  ChainruleScale: like(0),
  ChainruleGelu: like(0),
  ChainruleGeluGradient: like(0),
  StatelessRandomUniform: ({ constant }) => {
    const shape = constant(0);
    return shape && one(shape, DataType.float32);
  },
};

function table(ops: readonly string[], rule: Rule): { [op: string]: Rule } {
  return Object.fromEntries(ops.map((op) => [op, rule]));
}
