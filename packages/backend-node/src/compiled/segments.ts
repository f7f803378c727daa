import { hasOperations } from '../operations.js';
import { constant, type Graph, output, single } from './graph.js';
import { DataType } from './native.js';
import { transform } from './transform.js';

/**
 * The gradient of a gather, a sum over segments, by native/segment-sum.cc: it takes a tenth of the
 * time of TensorFlow's own, which adds row by row.
 */
export function segmentSums(graph: Graph): Graph {
  if (!hasOperations()) return graph;
  return transform(graph, (node) => {
    const [{ shape, dtype }] = node.outputs as [{ shape: readonly number[]; dtype: number }];
    if (node.op !== 'UnsortedSegmentSum' || dtype !== DataType.float32) return undefined;
    const [x, segments] = node.inputs;
    const filled = [shape, output(x!).shape].every((sizes) => sizes.every((size) => size > 0));
    if (output(segments!).dtype !== DataType.int32 || !filled) return undefined;
    const sizes = constant(Int32Array.from(shape), [shape.length]);
    const inputs = [x!, segments!, sizes];
    return [single({ op: 'ChainruleSegmentSum', attrs: [], inputs, outputs: node.outputs })];
  });
}
