import type { RawTensor } from '@chainrule/tensor';
import { broken, type Pickled, type PickledTensor, readPickle } from './pickle.js';

/** The number that a file of `torch.save` begins with, before the format of PyTorch 1.6. */
const MAGIC = 119547037146038801333356n;
const ITEM_BYTES: { readonly [type: string]: number } = {
  'torch.FloatStorage': 4,
  'torch.LongStorage': 8,
};

/**
 * The tensors of a state dictionary that `torch.save` wrote before PyTorch 1.6 (five pickles, then
 * the storages), each in row-major order whatever its strides were. Nothing in the file is run.
 *
 * float32 stays as it is, int64 becomes int32.
 *
 * @throws ChainruleError `TORCH_FILE` for anything else: another format, an instruction or a name
 * that a state dictionary does not need, a view beyond its storage.
 *
 * @example
 * const tensors = readTorchFile(new Uint8Array(await readFile('efficientnet-lite0.pth')));
 * tensors.get('_fc.weight')?.shape; // [1000, 1280]
 */
export function readTorchFile(bytes: Uint8Array): Map<string, RawTensor> {
  const magic = readPickle(bytes, 0);
  if (magic.value !== MAGIC) throw broken('it does not begin as a legacy file of torch.save');
  const version = readPickle(bytes, magic.end);
  if (version.value !== 1001) throw broken(`its version is ${String(version.value)}, not 1001`);
  const system = readPickle(bytes, version.end);
  if (!(system.value instanceof Map) || system.value.get('little_endian') !== true) {
    throw broken('its numbers are not little-endian');
  }
  const content = readPickle(bytes, system.end);
  const keys = readPickle(bytes, content.end);
  const storages = places(bytes, keys.end, keys.value, sizesOf(content.value));
  const tensors = new Map<string, RawTensor>();
  for (const [name, tensor] of entries(content.value)) {
    tensors.set(name, readView(bytes, name, tensor, storages.get(tensor.storage.key)!));
  }
  return tensors;
}

function entries(value: Pickled): [name: string, tensor: PickledTensor][] {
  if (!(value instanceof Map)) throw broken('it is no state dictionary');
  return [...value].map(([name, tensor]) => {
    const isTensor = typeof tensor === 'object' && tensor !== null && 'kind' in tensor;
    if (typeof name !== 'string' || !isTensor || tensor.kind !== 'tensor') {
      throw broken(`its entry ${JSON.stringify(String(name))} is no tensor`);
    }
    return [name, tensor];
  });
}

/** Type and size of every storage that a tensor is a view of. */
function sizesOf(value: Pickled): Map<string, { type: string; size: number }> {
  const sizes = new Map<string, { type: string; size: number }>();
  for (const [, { storage }] of entries(value)) {
    const earlier = sizes.get(storage.key);
    if (earlier && (earlier.type !== storage.type || earlier.size !== storage.size)) {
      throw broken(`storage ${JSON.stringify(storage.key)} is described in two ways`);
    }
    sizes.set(storage.key, storage);
  }
  return sizes;
}

/** Where each storage's numbers begin: one after the other, each after its count. */
function places(
  bytes: Uint8Array,
  start: number,
  keys: Pickled,
  sizes: ReadonlyMap<string, { type: string; size: number }>,
): Map<string, number> {
  if (!Array.isArray(keys) || keys.length !== sizes.size) {
    throw broken('it lists other storages than its tensors use');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = new Map<string, number>();
  let at = start;
  for (const key of keys) {
    const own = typeof key === 'string' && !found.has(key) ? sizes.get(key) : undefined;
    if (own === undefined) throw broken('it lists other storages than its tensors use');
    const end = at + 8 + own.size * ITEM_BYTES[own.type]!;
    if (end > bytes.length) throw broken(`it ends before storage ${JSON.stringify(key)} does`);
    if (view.getBigInt64(at, true) !== BigInt(own.size)) {
      throw broken(`storage ${JSON.stringify(key)} has another size than its tensors say`);
    }
    found.set(key as string, at + 8);
    at = end;
  }
  if (at !== bytes.length) throw broken(`it has ${bytes.length - at} bytes after its last storage`);
  return found;
}

/** A view's numbers in row-major order. */
function readView(
  bytes: Uint8Array,
  name: string,
  { storage, offset, shape, strides }: PickledTensor,
  place: number,
): RawTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * (strides[axis] ?? 0), offset);
  // More numbers than the storage has would be a broadcast, which no parameter is.
  const fits = strides.length === shape.length && (count === 0 || last < storage.size);
  if (!fits || count > storage.size) {
    throw broken(`tensor ${JSON.stringify(name)} reaches beyond its storage`);
  }
  const float = storage.type === 'torch.FloatStorage';
  const { buffer } = bytes.slice(place, place + storage.size * ITEM_BYTES[storage.type]!);
  const source = float ? new Float32Array(buffer) : new BigInt64Array(buffer);
  const data = float ? new Float32Array(count) : new Int32Array(count);
  const index = new Array<number>(shape.length).fill(0);
  let from = offset;
  for (let i = 0; i < count; i++) {
    data[i] = Number(source[from]);
    if (!float && BigInt(data[i]!) !== source[from]) {
      throw broken(`tensor ${JSON.stringify(name)}: ${source[from]} does not fit in int32`);
    }
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return float
    ? { dtype: 'float32', shape, data: data as Float32Array }
    : { dtype: 'int32', shape, data: data as Int32Array };
}
