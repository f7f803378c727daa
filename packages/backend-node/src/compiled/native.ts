import { ChainruleError } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

/** TensorFlow's own numbers of its data types (`DataType` of types.proto). */
export const DataType = { float32: 1, int32: 3, string: 7, int64: 9, bool: 10 } as const;

/** The kinds of attribute that tfjs-node's binding knows (`TF_AttrType` of c_api.h). */
export const AttrType = { string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5 } as const;

export type AttrValue = number | boolean | string;

/** An attribute as tfjs-node's kernels hand it to the backend. A list is an array. */
export interface OpAttr {
  readonly name: string;
  readonly type: number;
  readonly value: AttrValue | readonly AttrValue[];
}

/** What tfjs-node's backend knows of a tensor: `values` until it is first used, then `id`. */
interface TensorData {
  readonly shape: number[];
  readonly dtype: number;
  readonly id: number;
  readonly values: ArrayBufferView | null;
  refCount: number;
}

/** An int64 scalar, which tfjs-core has no type for. */
interface Int64Scalar {
  readonly valueArray: Int32Array;
}

export type OpInput = tf.TensorInfo | Int64Scalar;
export type DataId = tf.DataId;
export type TensorValues = Float32Array | Int32Array | Uint8Array;

/** The part of tfjs-node's backend that recording and sessions use. */
export interface NativeBackend extends tf.KernelBackend {
  readonly binding: {
    createTensor(shape: number[], dtype: number, values: ArrayBufferView): number;
    deleteTensor(id: number): void;
    tensorDataSync(id: number): TensorValues;
    loadSavedModel(folder: string, tags: string): number;
    deleteSavedModel(session: number): void;
  };
  readonly tensorMap: {
    get(id: DataId): TensorData;
    set(id: DataId, data: TensorData): void;
    has(id: DataId): boolean;
  };
  executeSingleOutput(op: string, attrs: readonly OpAttr[], inputs: readonly OpInput[]): tf.Tensor;
  executeMultipleOutputs(
    op: string,
    attrs: readonly OpAttr[],
    inputs: readonly OpInput[],
    count: number,
  ): tf.Tensor[];
  getInputTensorIds(inputs: readonly OpInput[]): number[];
  readSync(id: DataId): TensorValues;
  read(id: DataId): Promise<TensorValues>;
  write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): DataId;
  move(
    id: DataId,
    values: tf.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ): void;
  runSavedModel(
    session: number,
    inputs: readonly tf.TensorInfo[],
    infos: readonly { readonly name: string }[],
    outputs: readonly string[],
  ): tf.Tensor[];
}

/** True where tfjs-node's backend is the one in use. */
function isNative(): boolean {
  return tf.getBackend() === 'tensorflow' && 'binding' in tf.backend();
}

/** @throws ChainruleError `NO_NATIVE` where another backend is in use. */
export function nativeBackend(): NativeBackend {
  if (!isNative()) {
    throw new ChainruleError(
      'NO_NATIVE',
      `compiled: needs the native backend, but "${tf.getBackend()}" is in use; ` +
        'run `npx chainrule-native install`, or use eager()',
    );
  }
  return tf.backend() as NativeBackend;
}

/** The tfjs name of a TensorFlow data type; undefined where tfjs has none that holds it. */
export function tfjsType(dtype: number): 'float32' | 'int32' | 'bool' | undefined {
  if (dtype === DataType.float32) return 'float32';
  if (dtype === DataType.int32) return 'int32';
  return dtype === DataType.bool ? 'bool' : undefined;
}

/** An attribute that holds a data type. */
export function typeAttr(name: string, dtype: number): OpAttr {
  return { name, type: AttrType.type, value: dtype };
}
