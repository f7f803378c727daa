import { hasOperations } from '../operations.js';
import { type Graph, type Node, output, type Ref, sameRef, single } from './graph.js';
import { AttrType, DataType, type OpAttr } from './native.js';
import { transform } from './transform.js';
import { usersIn } from './users.js';

/**
 * The gradients of a convolution's filters and bias, through the ReLU where one follows, as one
 * operation of native/convolution.cc. TensorFlow's own is slow for so few channels as a picture has,
 * and reads and writes the output's gradient three times.
 */

/** With more, TensorFlow's own is as good. */
const CHANNELS = 8;
const LANES = 16;

const FILTER_GRADIENT = 'ChainruleFilterGradient';

export function filterGradients(graph: Graph): Graph {
  if (!hasOperations()) return graph;
  const users = usersIn(graph);
  /** The output's gradient as the bias's gradient sees it, and the operation that sums it up. */
  const found: { readonly dy: Ref; readonly node: Node }[] = [];
  const replaced = transform(graph, (node, original) => {
    const geometry = geometryOf(node);
    if (geometry === undefined) return undefined;
    const [x, , dy] = node.inputs as [Ref, Ref, Ref];
    const gated = dy.node.op === 'ReluGrad' && users(original.inputs[2]!).every(onlySums);
    const [given, y] = gated ? (dy.node.inputs as [Ref, Ref]) : [dy, dy];
    const filters = output(dy).shape.at(-1)!;
    const gradient: Node = {
      op: FILTER_GRADIENT,
      attrs: [...geometry, { name: 'relu', type: AttrType.bool, value: gated }],
      inputs: [x, given, y],
      outputs: [node.outputs[0]!, { shape: [filters], dtype: DataType.float32 }],
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

/** Where each filter stands on the input, if the operation is for such a convolution. */
function geometryOf(node: Node): readonly OpAttr[] | undefined {
  if (node.op !== 'Conv2DBackpropFilter') return undefined;
  const attr = (name: string) => node.attrs.find((each) => each.name === name)?.value;
  const [x, , dy] = node.inputs.map((ref) => output(ref).shape) as [number[], unknown, number[]];
  const [kernelHeight = 0, kernelWidth = 0, channels = 0, filters = 0] = node.outputs[0]!.shape;
  const padding = attr('padding');
  const fits =
    attr('data_format') === 'NHWC' &&
    (padding === 'SAME' || padding === 'VALID') &&
    (attr('dilations') as readonly number[]).every((size) => size === 1) &&
    channels <= CHANNELS &&
    filters % LANES === 0;
  if (!fits) return undefined;
  const [, strideY = 1, strideX = 1] = attr('strides') as readonly number[];
  /** Rows or columns of zeros before the first: TensorFlow puts the odd one at the end. */
  const before = (axis: number, kernel: number, stride: number) =>
    padding === 'SAME' ? Math.max((dy[axis]! - 1) * stride + kernel - x[axis]!, 0) >> 1 : 0;
  return Object.entries({
    kernel_height: kernelHeight,
    kernel_width: kernelWidth,
    stride_y: strideY,
    stride_x: strideX,
    top: before(1, kernelHeight, strideY),
    left: before(2, kernelWidth, strideX),
  }).map(([name, value]) => ({ name, type: AttrType.int, value }));
}
