import { ChainruleError } from '@chainrule/tensor';

/** A storage of numbers that a pickle speaks of; its bytes stand elsewhere in the file. */
interface PickledStorage {
  readonly kind: 'storage';
  readonly type: string;
  readonly key: string;
  readonly size: number;
}

/** A view of a storage. */
export interface PickledTensor {
  readonly kind: 'tensor';
  readonly storage: PickledStorage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

interface Global {
  readonly kind: 'global';
  readonly name: string;
}

/** What a pickle may hold here. Tuples and lists are arrays, dictionaries are maps. */
export type Pickled =
  | null
  | boolean
  | number
  | bigint
  | string
  | Pickled[]
  | Map<Pickled, Pickled>
  | PickledStorage
  | PickledTensor
  | Global;

const MARK = Symbol('mark');
type Item = Pickled | typeof MARK;

/** The names that a state dictionary uses. None of them is ever run: each has a reading here. */
const STORAGES = new Set(['torch.FloatStorage', 'torch.LongStorage']);
const ORDERED = 'collections.OrderedDict';
const TENSOR = 'torch._utils._rebuild_tensor_v2';

export function broken(problem: string, cause?: unknown): ChainruleError {
  return new ChainruleError(
    'TORCH_FILE',
    `torch file: ${problem}; give a state dictionary that torch.save wrote, or convert it to safetensors in Python`,
    { cause },
  );
}

/**
 * Reads one pickle, of the few instructions that a state dictionary of PyTorch is written with.
 *
 * A pickle is a program. This is no machine for it: it knows numbers, strings, lists, dictionaries,
 * storages and tensors, and refuses every other instruction and name, so no code is ever found or
 * run. Memory is bounded by the file's length.
 *
 * @returns the value and where the next byte stands.
 * @throws ChainruleError `TORCH_FILE`.
 */
export function readPickle(bytes: Uint8Array, start: number): { value: Pickled; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: Item[] = [];
  const memo = new Map<number, Pickled>();
  let at = start;

  const take = (count: number): number => {
    const from = at;
    at += count;
    if (at > bytes.length) throw broken('it ends in the middle of a pickle');
    return from;
  };
  const u8 = () => view.getUint8(take(1));
  const u32 = () => view.getUint32(take(4), true);
  const pop = (): Pickled => {
    const item = stack.pop();
    if (item === undefined || item === MARK) throw broken('a pickle takes what it has not put');
    return item;
  };
  const top = (): Pickled => {
    const item = pop();
    stack.push(item);
    return item;
  };
  const popMark = (): Pickled[] => {
    const mark = stack.lastIndexOf(MARK);
    if (mark < 0) throw broken('a pickle has no mark');
    return stack.splice(mark).slice(1) as Pickled[];
  };
  const dictionary = (): Map<Pickled, Pickled> => {
    const item = top();
    if (!(item instanceof Map)) throw broken('a pickle sets items of what is no dictionary');
    return item;
  };
  const list = (): Pickled[] => {
    const item = top();
    if (!Array.isArray(item)) throw broken('a pickle appends to what is no list');
    return item;
  };
  const line = (): string => {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0 || end - at > 200) throw broken('a pickle has a name without an end');
    const text = new TextDecoder().decode(bytes.subarray(at, end));
    at = end + 1;
    return text;
  };
  const put = (index: number) => memo.set(index, top());
  const get = (index: number) => {
    const item = memo.get(index);
    if (item === undefined) throw broken('a pickle recalls what it has not kept');
    stack.push(item);
  };

  for (;;) {
    const place = at;
    const code = u8();
    switch (code) {
      case 0x80: // PROTO
        if (u8() !== 2) throw broken('only version 2 of the pickle format is read');
        break;
      case 0x2e: // STOP
        return { value: pop(), end: at };
      case 0x4e: // NONE
        stack.push(null);
        break;
      case 0x88: // NEWTRUE
      case 0x89: // NEWFALSE
        stack.push(code === 0x88);
        break;
      case 0x4b: // BININT1
        stack.push(u8());
        break;
      case 0x4d: // BININT2
        stack.push(view.getUint16(take(2), true));
        break;
      case 0x4a: // BININT
        stack.push(view.getInt32(take(4), true));
        break;
      case 0x8a: {
        // LONG1
        const length = u8();
        const from = take(length);
        let value = 0n;
        for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[from + i]!);
        stack.push(BigInt.asIntN(8 * length, value));
        break;
      }
      case 0x58: {
        // BINUNICODE
        const length = u32();
        const from = take(length);
        stack.push(new TextDecoder().decode(bytes.subarray(from, from + length)));
        break;
      }
      case 0x28: // MARK
        stack.push(MARK);
        break;
      case 0x7d: // EMPTY_DICT
        stack.push(new Map());
        break;
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        stack.push([]);
        break;
      case 0x74: // TUPLE
        stack.push(popMark());
        break;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: {
        // TUPLE3
        const items = Array.from({ length: code - 0x84 }, pop);
        stack.push(items.reverse());
        break;
      }
      case 0x61: {
        // APPEND
        const item = pop();
        list().push(item);
        break;
      }
      case 0x65: {
        // APPENDS
        const items = popMark();
        const target = list();
        for (const item of items) target.push(item);
        break;
      }
      case 0x73: {
        // SETITEM
        const value = pop();
        const key = pop();
        dictionary().set(key, value);
        break;
      }
      case 0x75: {
        // SETITEMS
        const items = popMark();
        if (items.length % 2 !== 0) throw broken('a pickle sets a key without a value');
        const target = dictionary();
        for (let i = 0; i < items.length; i += 2) target.set(items[i]!, items[i + 1]!);
        break;
      }
      case 0x71: // BINPUT
        put(u8());
        break;
      case 0x72: // LONG_BINPUT
        put(u32());
        break;
      case 0x68: // BINGET
        get(u8());
        break;
      case 0x6a: // LONG_BINGET
        get(u32());
        break;
      case 0x63: // GLOBAL
        stack.push(known(`${line()}.${line()}`));
        break;
      case 0x51: // BINPERSID
        stack.push(storage(pop()));
        break;
      case 0x52: {
        // REDUCE
        const args = pop();
        stack.push(made(pop(), args));
        break;
      }
      case 0x62: // BUILD: the versions that a state dictionary carries beside its tensors.
        pop();
        dictionary();
        break;
      default:
        throw broken(`the pickle instruction 0x${code.toString(16)} at byte ${place} is not read`);
    }
  }
}

function known(name: string): Global {
  if (name === ORDERED || name === TENSOR || STORAGES.has(name)) return { kind: 'global', name };
  throw broken(`it asks for ${JSON.stringify(name)}, which is refused`);
}

const isKind = <K extends string>(value: Pickled | undefined, kind: K) =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;

const isSize = (value: Pickled | undefined): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

const isSizes = (value: Pickled | undefined): value is number[] =>
  Array.isArray(value) && value.length <= 16 && value.every(isSize);

/** ('storage', type, key, device, size, None) */
function storage(id: Pickled): PickledStorage {
  const [word, type, key, , size, part] = Array.isArray(id) ? id : [];
  if (word !== 'storage' || typeof key !== 'string' || !isSize(size) || part !== null) {
    throw broken('a storage is not described as PyTorch does');
  }
  const { name } = isKind(type, 'global') ? (type as Global) : { name: '' };
  if (!STORAGES.has(name)) throw broken('a storage is neither of float32 nor of int64');
  return { kind: 'storage', type: name, key, size };
}

function made(callee: Pickled, args: Pickled): Pickled {
  const name = isKind(callee, 'global') ? (callee as Global).name : undefined;
  if (name === ORDERED && Array.isArray(args) && args.length === 0) return new Map();
  if (name !== TENSOR || !Array.isArray(args)) throw broken('it calls what is no tensor');
  const [source, offset, shape, strides] = args;
  if (!isKind(source, 'storage') || !isSize(offset) || !isSizes(shape) || !isSizes(strides)) {
    throw broken('a tensor is not described as PyTorch does');
  }
  return { kind: 'tensor', storage: source as PickledStorage, offset, shape, strides };
}
