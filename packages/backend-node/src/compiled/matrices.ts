import { constant, type Node, output, type Ref, single } from './graph.js';
import { DataType, typeAttr } from './native.js';

/** Whether an attribute of a node is set. */
export const flag = ({ attrs }: Node, name: string): boolean =>
  attrs.some((attr) => attr.name === name && attr.value === true);

/** Whether a node is a product of two matrices of float32, transposed like this. */
export const isProduct = (node: Node, transposeA: boolean, transposeB: boolean): boolean =>
  node.op === 'MatMul' &&
  output(single(node)).dtype === DataType.float32 &&
  flag(node, 'transpose_a') === transposeA &&
  flag(node, 'transpose_b') === transposeB;

/** The same numbers in another shape. */
export function reshaped(x: Ref, shape: readonly number[]): Ref {
  const { shape: given, dtype } = output(x);
  if (`${given}` === `${shape}`) return x;
  return single({
    op: 'Reshape',
    attrs: [typeAttr('T', dtype), typeAttr('Tshape', DataType.int32)],
    inputs: [x, constant(Int32Array.from(shape), [shape.length])],
    outputs: [{ shape, dtype }],
  });
}
