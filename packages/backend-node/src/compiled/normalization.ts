import { hasOperations } from '../operations.js';
import { type Graph, type Node, output, type Ref, sameRef, single } from './graph.js';
import { AttrType, DataType, type OpAttr } from './native.js';
import { transform } from './transform.js';
import { usersIn } from './users.js';

/**
 * Batch norm in training with the ReLU that follows, and their gradient, as one operation each of
 * native/batch-norm.cc, instead of TensorFlow's own and a ReLU's gradient of its own.
 */

const LANES = 16;
const NORM = 'ChainruleBatchNorm';

export function batchNorms(graph: Graph): Graph {
  if (!hasOperations()) return graph;
  const users = usersIn(graph);
  /** A norm whose output nobody but a ReLU sees. */
  const isGated = (node: Node) => {
    const [user, ...others] = users(single(node));
    return user?.op === 'Relu' && others.length === 0;
  };
  return transform(graph, (node, original) => {
    if (node.op === 'FusedBatchNormV3' && fits(node)) {
      const { inputs, outputs } = node;
      const [y, mean, variance] = outputs as [
        Node['outputs'][0],
        Node['outputs'][0],
        Node['outputs'][0],
      ];
      const norm: Node = {
        op: NORM,
        attrs: attributes(node, isGated(original)),
        inputs: inputs.slice(0, 3),
        outputs: [y, mean, variance, mean],
      };
      // What TensorFlow's keeps for its gradient: here the mean and 1/√(σ² + ε).
      return [0, 1, 2, 1, 3, 3].map((index) => ({ node: norm, index }));
    }
    const [x] = node.inputs;
    if (node.op === 'Relu' && x!.node.op === NORM && isRelu(x!.node)) return [x!];
    if (node.op !== 'FusedBatchNormGradV3' || node.inputs[3]!.node.op !== NORM) return undefined;
    const [dy, from, scale, mean, inverse] = node.inputs as [Ref, Ref, Ref, Ref, Ref];
    const y = single(mean.node);
    const [, , offset] = mean.node.inputs;
    const gated =
      dy.node.op === 'ReluGrad' &&
      sameRef(dy.node.inputs[1]!, y) &&
      users(original.inputs[0]!).length === 1;
    const given = gated ? dy.node.inputs[0]! : dy;
    const gradient: Node = {
      op: 'ChainruleBatchNormGradient',
      attrs: attributes(node, gated),
      inputs: [given, from, scale, offset!, mean, inverse],
      outputs: node.outputs.slice(0, 3),
    };
    return [0, 1, 2, 2, 2].map((index) => ({ node: gradient, index }));
  });
}

function fits(node: Node): boolean {
  const { shape, dtype } = output(node.inputs[0]!);
  return (
    dtype === DataType.float32 &&
    shape.at(-1)! % LANES === 0 &&
    node.attrs.some(({ name, value }) => name === 'is_training' && value === true) &&
    node.attrs.some(({ name, value }) => name === 'data_format' && value === 'NHWC')
  );
}

const isRelu = ({ attrs }: Node) =>
  attrs.some(({ name, value }) => name === 'relu' && value === true);

const attributes = ({ attrs }: Node, relu: boolean): OpAttr[] => [
  attrs.find(({ name }) => name === 'epsilon')!,
  { name: 'relu', type: AttrType.bool, value: relu },
];
