import { ChainruleError, flatten, isTensor, type Key, mapTree, type Step } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { Fusion, Graph, Node, Ref } from './graph.js';
import { intercept, type Listener } from './intercept.js';
import {
  type DataId,
  DataType,
  type Int64Scalar,
  type NativeBackend,
  type OpInput,
  type TensorValues,
  tfjsType,
} from './native.js';
import { currentLine } from './stack.js';

/** A step with its types forgotten: recording treats all trees alike. */
export type AnyStep = Step<never, never, { readonly [name: string]: tf.Scalar }>;

/** A recorded step, and what is needed to check it against the function it came from. */
export interface Recording {
  readonly graph: Graph;
  /** Every operation, in the order in which the step ran them. */
  readonly log: readonly Node[];
}

/** Thrown while recording where an operation can not be part of a graph. */
export class Uncapturable extends Error {
  constructor(readonly operation: string) {
    super(`${operation} can not be recorded`);
  }
}

/** The batch's and the key's names as arguments of the graph. */
export const KEY_ARGUMENT = 'key';
export const batchArgument = (path: string) => `batch/${path}`;

/** Operations with a generator of their own, which would not follow the step's key. */
const GENERATORS = new Set(['Multinomial', 'RandomUniform', 'RandomStandardNormal']);

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
 * Runs `step` once, for real, and records what it did. Copies of `state` and `batch` are made, as
 * tensors that this step alone has.
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
  let graph: Graph | undefined;
  tf.tidy(() => {
    const alias = (op: 'State' | 'Argument', name: string, leaf: tf.Tensor) => {
      const copied = identity(backend, leaf);
      recorder.source(op, name, copied);
      return copied;
    };
    const stateCopy = mapLeaves(state, (leaf, path) => alias('State', path, leaf));
    const batchCopy = mapLeaves(batch, (leaf, path) =>
      alias('Argument', batchArgument(path), leaf),
    );
    const seed = tf.tensor1d([key.base[0] | 0, key.base[1] | 0], 'int32');
    const traced = alias('Argument', KEY_ARGUMENT, seed) as tf.Tensor1D;
    const outer = active;
    active = recorder;
    try {
      const result = intercept(backend, recorder, () =>
        step(stateCopy as never, batchCopy as never, { ...key, traced }),
      );
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
    } finally {
      active = outer;
    }
  });
  return { graph: graph!, log: recorder.log };
}

class Recorder implements Listener {
  readonly log: Node[] = [];
  readonly fusions: Fusion[] = [];
  private readonly refs = new Map<DataId, Ref>();
  private readonly born = new Set<DataId>();

  constructor(private readonly backend: NativeBackend) {}

  source(op: 'State' | 'Argument', name: string, tensor: tf.TensorInfo): void {
    this.define(tensor.dataId, { op, name });
  }

  execute(
    op: string,
    attrs: Node['attrs'],
    inputs: readonly OpInput[],
    _count: number,
    run: () => tf.Tensor[],
  ): tf.Tensor[] {
    refuseGenerators(op);
    const refs = inputs.map((input) => this.input(op, input));
    const outputs = run();
    const infos = outputs.map(({ dataId }) => this.info(op, dataId));
    const constant = refs.every(({ node }) => node.constant) && op !== 'StatelessRandomUniform';
    const node: Node = { op, attrs: [...attrs], inputs: refs, outputs: infos, constant };
    this.log.push(node);
    outputs.forEach(({ dataId }, index) => {
      this.refs.set(dataId, { node, index });
    });
    return outputs;
  }

  created(id: DataId): void {
    this.born.add(id);
  }

  reading(id: DataId, kernel: string | undefined): void {
    const ref = this.refs.get(id);
    if (ref && !ref.node.constant) refuseRead(kernel);
  }

  bypassed(inputs: readonly OpInput[], kernel: string | undefined): void {
    const traced = inputs.some((input) => 'dataId' in input && this.refs.has(input.dataId));
    if (traced) throw new Uncapturable(kernel ?? 'an operation');
  }

  note(
    kernel: string,
    inputs: tf.NamedTensorInfoMap,
    attrs: Fusion['attrs'],
    outputs: readonly tf.TensorInfo[],
  ): void {
    this.fusions.push({
      kernel,
      inputs: Object.fromEntries(
        Object.entries(inputs).map(([name, tensor]) => [name, this.ref(tensor!)]),
      ),
      attrs: { ...attrs },
      outputs: outputs.map((tensor) => this.ref(tensor)),
    });
  }

  ref({ dataId }: { readonly dataId: DataId }): Ref {
    return this.refs.get(dataId) ?? this.outside(dataId);
  }

  private input(op: string, input: OpInput): Ref {
    if (!('dataId' in input)) return { node: int64(input), index: 0 };
    const ref = this.ref(input);
    if (tfjsType(ref.node.outputs[ref.index]!.dtype) === undefined) throw new Uncapturable(op);
    return ref;
  }

  /** A tensor that no recorded operation made: a constant, or one from before the step. */
  private outside(id: DataId): Ref {
    if (!this.born.has(id)) return this.define(id, { op: 'Captured', dataId: id });
    return this.define(id, {
      op: 'Constant',
      values: constantValues(this.backend, id),
      constant: true,
    });
  }

  private define(id: DataId, node: Omit<Node, 'attrs' | 'inputs' | 'outputs'>): Ref {
    const ref = {
      node: { attrs: [], inputs: [], outputs: [this.info(node.op, id)], ...node },
      index: 0,
    };
    this.refs.set(id, ref);
    return ref;
  }

  private info(op: string, id: DataId): { shape: readonly number[]; dtype: number } {
    const { shape, dtype } = this.backend.tensorMap.get(id);
    if (tfjsType(dtype) === undefined) throw new Uncapturable(op);
    return { shape: [...shape], dtype };
  }
}

/** A copy of a constant's numbers: the array may be the caller's, who may change it. */
export function constantValues(backend: NativeBackend, id: DataId): TensorValues {
  const { values, id: handle } = backend.tensorMap.get(id);
  if (values === null) return backend.binding.tensorDataSync(handle);
  return (values as TensorValues).slice();
}

export function int64({ valueArray }: Int64Scalar): Node {
  return {
    op: 'Constant',
    attrs: [],
    inputs: [],
    outputs: [{ shape: [], dtype: DataType.int64 }],
    values: valueArray.slice(),
    constant: true,
  };
}

export function refuseGenerators(op: string): void {
  if (!GENERATORS.has(op)) return;
  throw new ChainruleError(
    'TRACED_RANDOM',
    `compiled: ${op} at ${currentLine()} draws from a generator of its own, so every compiled ` +
      "step would repeat the first one's numbers; draw with uniform(split(key, name), shape) from " +
      "the step's key",
  );
}

export function refuseRead(kernel: string | undefined): never {
  if (kernel !== undefined) throw new Uncapturable(kernel);
  throw new ChainruleError(
    'TRACED_READ',
    `compiled: a tensor's data is read at ${currentLine()}, inside the step; the step is recorded ` +
      'once, so what is decided from the data would hold for ever. Use tensor operations ' +
      '(tf.where, tf.mul with a mask), or return the tensor as a metric',
  );
}

/** A tensor of its own with the same contents. */
export function identity(backend: NativeBackend, leaf: tf.TensorInfo): tf.Tensor {
  const { dtype } = backend.tensorMap.get(leaf.dataId);
  return backend.executeSingleOutput('Identity', [{ name: 'T', type: 4, value: dtype }], [leaf]);
}

/** `mapTree` for trees that may have leaves of other kinds, which stay as they are. */
export function mapLeaves(tree: unknown, f: (leaf: tf.Tensor, path: string) => unknown): unknown {
  return mapTree(tree as never, (leaf: unknown, path) => (isTensor(leaf) ? f(leaf, path) : leaf));
}
