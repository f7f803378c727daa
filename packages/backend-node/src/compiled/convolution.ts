import { hasOperations } from '../operations.js';
import { type Graph, type Node, output, type Ref, sameRef, single } from './graph.js';
import { AttrType, DataType, type OpAttr } from './native.js';
import { ownProducts } from './own-products.js';
import { transform } from './transform.js';
import { usersIn } from './users.js';

/**
 * Convolutions and their gradients as operations of native/convolution.cc, where the filters stay in a
 * processor's cache. Those of TensorFlow reorder what they are given and what they give, and are slow
 * for so few channels as pictures begin with.
 */

/** More filters' numbers leave a processor's second cache, where TensorFlow's own are as good. */
const WEIGHTS = 2 ** 17;
/** Fewer images are not enough for several threads to share. */
const IMAGES = 8;
const LANES = 16;

const FORWARD = 'ChainruleConvolution';
const INPUT_GRADIENT = 'ChainruleConvolutionInputGradient';
const FILTER_GRADIENT = 'ChainruleFilterGradient';

export function convolutions(graph: Graph): Graph {
  return hasOperations() ? gradients(ownProducts(graph, forward)) : graph;
}

function forward(node: Node, none: Ref): Ref | undefined {
  if (node.op !== 'Conv2D') return undefined;
  const [x, w] = node.inputs as [Ref, Ref];
  const y = node.outputs[0]!.shape;
  const geometry = geometryOf(node, { x: output(x).shape, w: output(w).shape, y });
  const fits = geometry && isWorth(output(x).shape, output(w).shape) && isLanes(y);
  if (!fits) return undefined;
  const attrs = [...sizeOf(y), ...geometry, relu(false)];
  return single({ ...node, op: FORWARD, attrs, inputs: [x, w, none] });
}

function gradients(graph: Graph): Graph {
  const users = usersIn(graph);
  /** The output's gradient as the bias's gradient sees it, and the operation that sums it up. */
  const found: { readonly dy: Ref; readonly node: Node }[] = [];
  const replaced = transform(graph, (node, original) => {
    if (node.op === 'Conv2DBackpropInput') return inputGradient(node);
    if (node.op !== 'Conv2DBackpropFilter') return undefined;
    const [x, , dy] = node.inputs as [Ref, Ref, Ref];
    const w = node.outputs[0]!;
    const y = output(dy).shape;
    const geometry = geometryOf(node, { x: output(x).shape, w: w.shape, y });
    if (!geometry || !isWorth(output(x).shape, w.shape) || !isLanes(y)) return undefined;
    const gated = dy.node.op === 'ReluGrad' && users(original.inputs[2]!).every(onlySums);
    const [given, passed] = gated ? (dy.node.inputs as [Ref, Ref]) : [dy, dy];
    const gradient: Node = {
      op: FILTER_GRADIENT,
      attrs: [...sizeOf(y), ...geometry, relu(gated)],
      inputs: [x, given, passed],
      outputs: [w, { shape: y.slice(-1), dtype: DataType.float32 }],
    };
    found.push({ dy, node: gradient });
    return [single(gradient)];
  });
  return transform(replaced, (node) => {
    if (node.op !== 'BiasAddGrad') return undefined;
    const gradient = found.find(({ dy }) => sameRef(dy, node.inputs[0]!));
    return gradient && [{ node: gradient.node, index: 1 }];
  });
}

const onlySums = ({ op }: Node) => op === 'Conv2DBackpropFilter' || op === 'BiasAddGrad';

function inputGradient(node: Node): readonly Ref[] | undefined {
  const [, w, dy] = node.inputs as [Ref, Ref, Ref];
  const x = node.outputs[0]!.shape;
  const geometry = geometryOf(node, { x, w: output(w).shape, y: output(dy).shape });
  if (!geometry || !isWorth(x, output(w).shape) || !isLanes(x)) return undefined;
  const attrs = [...sizeOf(x), ...geometry];
  return [single({ ...node, op: INPUT_GRADIENT, attrs, inputs: [dy, w] })];
}

type Shape = readonly number[];

const isWorth = (x: Shape, w: Shape) =>
  x[0]! >= IMAGES && w.reduce((product, size) => product * size, 1) <= WEIGHTS;
const isLanes = (shape: Shape) => shape.at(-1)! % LANES === 0;

const relu = (value: boolean): OpAttr => ({ name: 'relu', type: AttrType.bool, value });
const ints = (values: { readonly [name: string]: number }): OpAttr[] =>
  Object.entries(values).map(([name, value]) => ({ name, type: AttrType.int, value }));

/** What the operation makes. */
const sizeOf = ([, height = 0, width = 0]: Shape) => ints({ height, width });

/** Where each filter stands on the input, if the operation is for such a convolution. */
function geometryOf(
  node: Node,
  { x, w, y }: { readonly x: Shape; readonly w: Shape; readonly y: Shape },
): readonly OpAttr[] | undefined {
  const attr = (name: string) => node.attrs.find((each) => each.name === name)?.value;
  const [kernelHeight = 0, kernelWidth = 0, channels] = w;
  const padding = attr('padding');
  const fits =
    attr('data_format') === 'NHWC' &&
    (padding === 'SAME' || padding === 'VALID') &&
    (attr('dilations') as readonly number[]).every((size) => size === 1) &&
    channels === x[3];
  if (!fits) return undefined;
  const [, strideY = 1, strideX = 1] = attr('strides') as readonly number[];
  /** Rows or columns of zeros before the first: TensorFlow puts the odd one at the end. */
  const before = (axis: number, kernel: number, stride: number) =>
    padding === 'SAME' ? Math.max((y[axis]! - 1) * stride + kernel - x[axis]!, 0) >> 1 : 0;
  return ints({
    kernel_height: kernelHeight,
    kernel_width: kernelWidth,
    stride_y: strideY,
    stride_x: strideX,
    top: before(1, kernelHeight, strideY),
    left: before(2, kernelWidth, strideX),
  });
}
