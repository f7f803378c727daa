import { ChainruleError } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { type Node, type Output, output, type Ref } from './graph.js';
import type { Listener } from './intercept.js';
import {
  type DataId,
  DataType,
  type NativeBackend,
  type OpAttr,
  type OpInput,
  type TensorValues,
  tfjsType,
} from './native.js';
import { currentLine } from './stack.js';

/** Thrown while recording where an operation can not be part of a graph. */
export class Uncapturable extends Error {
  constructor(
    readonly operation: string,
    reason = `${operation} can not be recorded`,
  ) {
    super(reason);
  }
}

/** Operations with a generator of their own, which would not follow the step's key. */
const GENERATORS = new Set(['Multinomial', 'RandomUniform', 'RandomStandardNormal']);

/**
 * Runs a step's JavaScript on tensors that have shapes, but no numbers: only what depends on
 * nothing but constants is computed. Recording a step and checking a recording differ in what they
 * make of each operation and of each tensor from elsewhere.
 */
export abstract class Tracer implements Listener {
  protected readonly refs = new Map<DataId, Ref>();

  constructor(protected readonly backend: NativeBackend) {}

  /** The node of an operation, and its outputs if they need not be computed. */
  protected abstract node(
    op: string,
    attrs: readonly OpAttr[],
    inputs: readonly OpInput[],
    count: number,
  ): Node;

  /** What stands for a tensor that no operation of this step made. */
  abstract outside(id: DataId): Ref;

  abstract created(id: DataId): void;

  execute(
    op: string,
    attrs: readonly OpAttr[],
    inputs: readonly OpInput[],
    count: number,
    run: () => tf.Tensor[],
  ): tf.Tensor[] {
    if (GENERATORS.has(op)) refuseGenerator(op);
    const node = this.node(op, attrs, inputs, count);
    if (!node.constant && node.outputs.length === count) {
      return node.outputs.map((_, index) => this.empty({ node, index }));
    }
    for (const input of inputs) this.fillWithZeros(input);
    const outputs = run();
    const infos = outputs.map(({ dataId }) => this.info(op, dataId));
    const complete = node.outputs.length === count ? node : Object.assign(node, { outputs: infos });
    outputs.forEach(({ dataId }, index) => {
      this.refs.set(dataId, { node: complete, index });
    });
    return outputs;
  }

  reading(id: DataId, kernel: string | undefined): void {
    const ref = this.refs.get(id);
    if (!ref || ref.node.constant) return;
    if (kernel !== undefined) throw new Uncapturable(kernel);
    refuseRead();
  }

  bypassed(inputs: readonly OpInput[], kernel: string | undefined): void {
    const traced = inputs.some((input) => 'dataId' in input && this.refs.has(input.dataId));
    if (traced) throw new Uncapturable(kernel ?? 'an operation');
  }

  ref({ dataId }: { readonly dataId: DataId }): Ref {
    return this.refs.get(dataId) ?? this.outside(dataId);
  }

  /** A tensor with a shape and nothing else, which stands for `ref`. */
  empty(ref: Ref): tf.Tensor {
    const { dtype } = output(ref);
    const shape = [...output(ref).shape];
    const dataId: DataId = {};
    this.backend.tensorMap.set(dataId, { shape, dtype, id: -1, values: null, refCount: 1 });
    this.refs.set(dataId, ref);
    return tf.engine().makeTensorFromTensorInfo({ dataId, shape, dtype: tfjsType(dtype)! });
  }

  protected info(op: string, id: DataId): Output {
    const { shape, dtype } = this.backend.tensorMap.get(id);
    if (tfjsType(dtype) === undefined) throw new Uncapturable(op);
    return { shape: [...shape], dtype };
  }

  /** An empty tensor gets numbers where its shape alone is not enough. */
  private fillWithZeros(input: OpInput): void {
    if (!('dataId' in input)) return;
    const data = this.backend.tensorMap.get(input.dataId);
    if (data.id !== -1 || data.values !== null) return;
    const count = tf.util.sizeFromShape(data.shape);
    Object.assign(data, { values: zeros(data.dtype, count) });
  }
}

function zeros(dtype: number, count: number): TensorValues {
  if (dtype === DataType.float32) return new Float32Array(count);
  return dtype === DataType.int32 ? new Int32Array(count) : new Uint8Array(count);
}

/** From this size on, a constant of one number is kept as that number. */
const LARGE = 64;

/**
 * A constant's numbers; one number for all where a large constant has no other. A copy: the array
 * may be the caller's, who may change it.
 */
export function constantValues(backend: NativeBackend, id: DataId): TensorValues {
  const { values, id: handle } = backend.tensorMap.get(id);
  const all = values === null ? backend.binding.tensorDataSync(handle) : (values as TensorValues);
  const first = all[0];
  const alike = all.length > LARGE && all.every((value) => Object.is(value, first));
  return all.slice(0, alike ? 1 : all.length);
}

function refuseGenerator(op: string): never {
  throw new ChainruleError(
    'TRACED_RANDOM',
    `compiled: ${op} at ${currentLine()} draws from a generator of its own, so every compiled ` +
      "step would repeat the first one's numbers; draw with uniform(split(key, name), shape) from " +
      "the step's key",
  );
}

function refuseRead(): never {
  throw new ChainruleError(
    'TRACED_READ',
    `compiled: a tensor's data is read at ${currentLine()}, inside the step; the step is recorded ` +
      'once, so what is decided from the data would hold for ever. Use tensor operations ' +
      '(tf.where, tf.mul with a mask), or return the tensor as a metric',
  );
}
