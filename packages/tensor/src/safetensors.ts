import * as tf from '@tensorflow/tfjs-core';
import { ChainruleError } from './errors.js';
import { fromBfloat16, fromFloat16 } from './float16.js';
import {
  type HeaderEntry,
  invalid,
  isWellFormed,
  readHeader,
  type SafetensorsLimits,
} from './safetensors-header.js';
import { flatten, isTensor, type Tree, unflatten } from './tree.js';

export type { SafetensorsLimits } from './safetensors-header.js';

/** Numbers with their shape, on the host. */
export type RawTensor =
  | { readonly dtype: 'float32'; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: 'int32'; readonly shape: readonly number[]; readonly data: Int32Array }
  | { readonly dtype: 'bool'; readonly shape: readonly number[]; readonly data: Uint8Array };

export interface Safetensors {
  /** By name, in the order of the data. */
  readonly tensors: ReadonlyMap<string, RawTensor>;
  readonly metadata: { readonly [key: string]: string };
}

/**
 * Reads a file in the safetensors format: a header of JSON, then raw numbers, and nothing that could
 * run. Every byte must be accounted for; anything else is refused.
 *
 * F32, F16, BF16 and F64 become float32; I8 … I64 and U8 … U64 become int32; BOOL becomes bool. A
 * number that does not fit is refused. The data are copied, so `bytes` may lie anywhere and be reused.
 *
 * @throws ChainruleError `SAFETENSORS` that says what is wrong and with which tensor.
 * @see https://github.com/huggingface/safetensors (the format)
 *
 * @example
 * const { tensors, metadata } = readSafetensors(new Uint8Array(await readFile('model.safetensors')));
 */
export function readSafetensors(bytes: Uint8Array, limits?: SafetensorsLimits): Safetensors {
  const { entries, metadata } = readHeader(bytes, limits);
  return {
    tensors: new Map(entries.map((entry) => [entry.name, readTensor(bytes, entry)])),
    metadata,
  };
}

function readTensor(bytes: Uint8Array, { name, dtype, shape, start, end }: HeaderEntry): RawTensor {
  // A copy begins at offset 0 of its own buffer, so it is aligned for any element type.
  const { buffer } = new Uint8Array(bytes.subarray(start, end));
  const float = (data: Float32Array): RawTensor => ({ dtype: 'float32', shape, data });
  const int = (values: ArrayLike<number>): RawTensor => {
    const data = Int32Array.from(values);
    checkFits(name, dtype, values, data);
    return { dtype: 'int32', shape, data };
  };
  switch (dtype) {
    case 'F32':
      return float(new Float32Array(buffer));
    case 'F16':
      return float(fromFloat16(new Uint16Array(buffer)));
    case 'BF16':
      return float(fromBfloat16(new Uint16Array(buffer)));
    case 'F64': {
      const values = new Float64Array(buffer);
      const data = Float32Array.from(values);
      const overflow = data.findIndex((x, i) => Number.isFinite(values[i]) && !Number.isFinite(x));
      if (overflow >= 0) {
        throw invalid(`tensor "${name}": ${values[overflow]} does not fit in float32`);
      }
      return float(data);
    }
    case 'I32':
      return { dtype: 'int32', shape, data: new Int32Array(buffer) };
    case 'I64':
      return int(Float64Array.from(new BigInt64Array(buffer), Number));
    case 'U64':
      return int(Float64Array.from(new BigUint64Array(buffer), Number));
    case 'U32':
      return int(new Uint32Array(buffer));
    case 'I16':
      return int(new Int16Array(buffer));
    case 'U16':
      return int(new Uint16Array(buffer));
    case 'I8':
      return int(new Int8Array(buffer));
    case 'U8':
      return int(new Uint8Array(buffer));
    case 'BOOL': {
      const data = new Uint8Array(buffer);
      const wrong = data.find((byte) => byte > 1);
      if (wrong !== undefined) {
        throw invalid(`tensor "${name}": a BOOL must be 0 or 1, got the byte ${wrong}`);
      }
      return { dtype: 'bool', shape, data };
    }
  }
}

function checkFits(name: string, dtype: string, values: ArrayLike<number>, data: Int32Array): void {
  for (let i = 0; i < data.length; i++) {
    if (values[i] !== data[i]) {
      throw invalid(`tensor "${name}": the ${dtype} value ${values[i]} does not fit in int32`);
    }
  }
}

const FILE_DTYPE: { readonly [dtype: string]: 'F32' | 'I32' | 'BOOL' } = {
  float32: 'F32',
  int32: 'I32',
  bool: 'BOOL',
};

/**
 * Writes tensors in the safetensors format. The same content gives the same bytes: tensors are
 * sorted as in the reference implementation (widest elements first, then by name), and the header
 * is padded with spaces so that every tensor is aligned.
 *
 * @throws ChainruleError `SAFETENSORS` for a type other than float32, int32 and bool, a name or
 * metadata without a UTF-8 form, the reserved name `__metadata__`, or data that do not fit the shape.
 *
 * @example
 * await writeFile('w.safetensors', writeSafetensors(new Map([['w', tf.ones([2, 2])]])));
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, tf.Tensor | RawTensor>,
  metadata: { readonly [key: string]: string } = {},
): Uint8Array {
  const list = [...tensors].map(([name, tensor]) => ({ name, ...toBytes(name, tensor) }));
  list.sort((a, b) => b.itemBytes - a.itemBytes || (a.name < b.name ? -1 : 1));

  const members: [key: string, value: unknown][] = [];
  if (Object.keys(metadata).length > 0) members.push(['__metadata__', checkMetadata(metadata)]);
  let place = 0;
  for (const { name, dtype, shape, bytes } of list) {
    const end = place + bytes.length;
    members.push([name, { dtype, shape, data_offsets: [place, end] }]);
    place = end;
  }
  // Not an object: a tensor may be named "__proto__".
  const json = members.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const header = new TextEncoder().encode(`{${json.join(',')}}`);
  const headerBytes = Math.ceil(header.length / 8) * 8;

  const file = new Uint8Array(8 + headerBytes + place);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, 8, 8 + headerBytes);
  file.set(header, 8);
  let offset = 8 + headerBytes;
  for (const { bytes } of list) {
    file.set(bytes, offset);
    offset += bytes.length;
  }
  return file;
}

function toBytes(name: string, tensor: tf.Tensor | RawTensor) {
  const { dtype, shape } = tensor;
  if (name === '__metadata__') throw invalid('"__metadata__" can not be the name of a tensor');
  if (!isWellFormed(name)) throw invalid(`tensor "${name}": the name is not valid Unicode`);
  const fileDtype = Object.hasOwn(FILE_DTYPE, dtype) ? FILE_DTYPE[dtype] : undefined;
  if (fileDtype === undefined) {
    throw invalid(`tensor "${name}" is ${dtype}; only float32, int32 and bool can be written`);
  }
  const data = isTensor(tensor) ? tensor.dataSync() : tensor.data;
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  if (data.length !== size) {
    throw invalid(
      `tensor "${name}": shape [${shape.join(', ')}] does not fit ${data.length} values`,
    );
  }
  return {
    dtype: fileDtype,
    shape,
    itemBytes: data.BYTES_PER_ELEMENT,
    bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}

function checkMetadata(metadata: { readonly [key: string]: string }) {
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string' || !isWellFormed(value) || !isWellFormed(key)) {
      throw invalid(`metadata "${key}" must be a string of valid Unicode`);
    }
  }
  return metadata;
}

/**
 * Writes a tree; the names are the paths of its leaves (`encoders/image/blocks/0/kernel`).
 *
 * @example
 * await writeFile('model.safetensors', treeToSafetensors(params, { step: '500' }));
 */
export function treeToSafetensors(
  tree: Tree<tf.Tensor>,
  metadata?: { readonly [key: string]: string },
): Uint8Array {
  const leaves = new Map<string, tf.Tensor>();
  for (const [path, leaf] of flatten(tree)) {
    if (leaves.has(path)) throw invalid(`two leaves of the tree have the path "${path}"`);
    leaves.set(path, leaf);
  }
  return writeSafetensors(leaves, metadata);
}

/**
 * Reads a tree of the same structure, shapes and types as `like`, for example
 * `module.init(key(0))`. The tensors are new; `like` stays as it is.
 *
 * @throws ChainruleError `SAFETENSORS` for a file that is not valid; `TREE_MISMATCH` where a tensor
 * is missing, left over, or of another shape or type.
 *
 * @example
 * const params = safetensorsToTree(bytes, module.init(key(0)));
 */
export function safetensorsToTree<P extends Tree<tf.Tensor>>(
  bytes: Uint8Array,
  like: P,
  limits?: SafetensorsLimits,
): P {
  const { tensors } = readSafetensors(bytes, limits);
  const wanted = flatten(like);
  for (const [path, leaf] of wanted) {
    const raw = tensors.get(path);
    const expected = `${leaf.dtype} [${leaf.shape.join(', ')}]`;
    const got = raw === undefined ? 'nothing' : `${raw.dtype} [${raw.shape.join(', ')}]`;
    if (got !== expected) {
      throw new ChainruleError(
        'TREE_MISMATCH',
        `safetensors: "${path}" must be ${expected}, the file has ${got}`,
      );
    }
  }
  const paths = new Set(wanted.map(([path]) => path));
  const extra = [...tensors.keys()].find((name) => !paths.has(name));
  if (extra !== undefined) {
    throw new ChainruleError(
      'TREE_MISMATCH',
      `safetensors: the file has "${extra}", for which there is no place in the tree`,
    );
  }
  const leaves = new Map(
    [...tensors].map(([name, { data, shape, dtype }]) => [
      name,
      tf.tensor(data, [...shape], dtype),
    ]),
  );
  return unflatten(like, leaves) as P;
}
