import { flatten, isTensor, type Key, mapTree, type Step } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { constantInput, type Fusion, type Graph, type Node, type Ref } from './graph.js';
import { intercept } from './intercept.js';
import { type DataId, DataType, type NativeBackend, type OpInput } from './native.js';
import { inferOutputs } from './shapes.js';
import { constantValues, Tracer, Uncapturable } from './tracer.js';

/** A step with its types forgotten: recording treats all trees alike. */
export type AnyStep = Step<never, never, { readonly [name: string]: tf.Scalar }>;

/** A recorded step, and what is needed to check it against the function it came from. */
export interface Recording {
  readonly graph: Graph;
  /** Every operation, in the order in which the step ran them. */
  readonly log: readonly Node[];
}

/** The batch's and the key's names as arguments of the graph. */
export const KEY_ARGUMENT = 'key';
export const batchArgument = (path: string) => `batch/${path}`;

let active: Recorder | undefined;

/**
 * Tells the recorder, if a step is being recorded, that `outputs` are what `kernel` makes of
 * `inputs`: the compiler may then replace the operations in between by one.
 */
export function noteFusion(
  kernel: string,
  inputs: tf.NamedTensorInfoMap,
  attrs: { readonly [name: string]: unknown },
  outputs: readonly tf.TensorInfo[],
): void {
  active?.note(kernel, inputs, attrs, outputs);
}

/**
 * Records what `step` does to a state and a batch of the given shapes; their numbers are not
 * looked at.
 *
 * @throws ChainruleError for what would silently freeze; {@link Uncapturable}.
 */
export function record(
  backend: NativeBackend,
  step: AnyStep,
  state: unknown,
  batch: unknown,
  key: Key,
): Recording {
  const recorder = new Recorder(backend);
  const outer = active;
  let graph: Graph | undefined;
  active = recorder;
  try {
    tf.tidy(() => {
      const result = intercept(backend, recorder, () => {
        const emptyState = mapLeaves(state, (leaf, path) => recorder.source('State', path, leaf));
        const emptyBatch = mapLeaves(batch, (leaf, path) =>
          recorder.source('Argument', batchArgument(path), leaf),
        );
        const traced = recorder.source('Argument', KEY_ARGUMENT, { shape: [2], dtype: 'int32' });
        return step(emptyState as never, emptyBatch as never, {
          ...key,
          traced: traced as tf.Tensor1D,
        });
      });
      graph = {
        metrics: Object.entries(result.metrics).map(([name, value]) => [
          name,
          recorder.ref(value!),
        ]),
        state: new Map(
          flatten(result.state as never).map(([path, leaf]) => [path, recorder.ref(leaf)]),
        ),
        fusions: recorder.fusions,
      };
    });
  } finally {
    active = outer;
  }
  return { graph: graph!, log: recorder.log };
}

class Recorder extends Tracer {
  readonly log: Node[] = [];
  readonly fusions: Fusion[] = [];
  private readonly born = new Set<DataId>();

  source(
    op: 'State' | 'Argument',
    name: string,
    { shape, dtype }: Pick<tf.Tensor, 'shape' | 'dtype'>,
  ): tf.Tensor {
    if (!(dtype in DataType) || dtype === 'string') throw new Uncapturable(`a ${dtype} tensor`);
    const outputs = [{ shape: [...shape], dtype: DataType[dtype as 'float32'] }];
    return this.empty({ node: { op, name, attrs: [], inputs: [], outputs }, index: 0 });
  }

  created(id: DataId): void {
    this.born.add(id);
  }

  /** A tensor that no recorded operation made: a constant, or one from before the step. */
  outside(id: DataId): Ref {
    const born = this.born.has(id);
    const op = born ? 'Constant' : 'Captured';
    const base = { attrs: [], inputs: [], outputs: [this.info(op, id)], constant: born };
    const own = born ? { values: constantValues(this.backend, id) } : { dataId: id };
    const ref = { node: { op, ...base, ...own }, index: 0 };
    this.refs.set(id, ref);
    return ref;
  }

  note(
    kernel: string,
    inputs: tf.NamedTensorInfoMap,
    attrs: Fusion['attrs'],
    outputs: readonly tf.TensorInfo[],
  ): void {
    const named = Object.entries(inputs).map(([name, tensor]) => [name, this.ref(tensor!)]);
    this.fusions.push({
      kernel,
      inputs: Object.fromEntries(named),
      attrs: { ...attrs },
      outputs: outputs.map((tensor) => this.ref(tensor)),
    });
  }

  protected node(
    op: string,
    attrs: Node['attrs'],
    inputs: readonly OpInput[],
    count: number,
  ): Node {
    const refs = inputs.map((input) =>
      'dataId' in input ? this.ref(input) : constantInput(input.valueArray),
    );
    // A Player compares with the attributes as they are now.
    const own = structuredClone([...attrs]);
    const outputs = inferOutputs(op, own, refs, count) ?? [];
    const constant = refs.every((ref) => ref.node.constant);
    const node: Node = { op, attrs: own, inputs: refs, outputs, constant };
    this.log.push(node);
    return node;
  }
}

/** `mapTree` for trees that may have leaves of other kinds, which stay as they are. */
export function mapLeaves(tree: unknown, f: (leaf: tf.Tensor, path: string) => unknown): unknown {
  return mapTree(tree as never, (leaf: unknown, path) => (isTensor(leaf) ? f(leaf, path) : leaf));
}
