import { ChainruleError } from './errors.js';
import { duplicateKey } from './strict-json.js';

/** Bytes per element of the types that can be read. */
const ITEM_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
} as const;

/** The type of a tensor's elements, as the file names it. */
type SafetensorsDtype = keyof typeof ITEM_BYTES;

export interface SafetensorsLimits {
  /** Default 100,000,000, as in the reference implementation. */
  readonly headerBytes?: number;
  /** Of the whole file; default 16 GiB. */
  readonly fileBytes?: number;
  /** Default 100,000. */
  readonly tensors?: number;
}

export interface HeaderEntry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** From the first byte of the file to the first byte after the tensor. */
  readonly start: number;
  readonly end: number;
}

export interface Header {
  /** In the order of the data. */
  readonly entries: readonly HeaderEntry[];
  readonly metadata: { readonly [key: string]: string };
}

export function invalid(message: string, options?: { cause?: unknown }): ChainruleError {
  return new ChainruleError('SAFETENSORS', `safetensors: ${message}`, options);
}

/** Strings that have no UTF-8 form would be read differently by each reader. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** Reads and checks the header against every rule of the format. */
export function readHeader(bytes: Uint8Array, limits: SafetensorsLimits = {}): Header {
  const { headerBytes = 100_000_000, fileBytes = 16 * 2 ** 30, tensors = 100_000 } = limits;
  if (bytes.length > fileBytes) {
    throw invalid(`the file has ${bytes.length} bytes, the limit is ${fileBytes}`);
  }
  if (bytes.length < 8) {
    throw invalid(`the file is cut off: ${bytes.length} bytes, the length of the header takes 8`);
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(headerBytes)) {
    throw invalid(`the header claims ${length} bytes, the limit is ${headerBytes}`);
  }
  const dataStart = 8 + Number(length);
  if (dataStart > bytes.length) {
    throw invalid(
      `the file is cut off: the header claims ${length} bytes, ${bytes.length - 8} follow`,
    );
  }
  const header = parse(bytes.subarray(8, dataStart));
  const { __metadata__: metadata = {}, ...infos } = header;
  const names = Object.keys(infos);
  if (names.length > tensors) {
    throw invalid(`the file has ${names.length} tensors, the limit is ${tensors}`);
  }
  const entries = names
    .map((name) => readEntry(name, infos[name], dataStart))
    .sort((a, b) => a.start - b.start || a.end - b.end);
  checkLayout(entries, dataStart, bytes.length);
  return { entries, metadata: readMetadata(metadata) };
}

function parse(bytes: Uint8Array): { readonly [key: string]: unknown } {
  if (bytes[0] !== 0x7b) throw invalid('the header must begin with "{"');
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw invalid('the header is not valid UTF-8', { cause });
  }
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw invalid(`the header is not valid JSON (${(cause as Error).message})`, { cause });
  }
  const twice = duplicateKey(text);
  if (twice !== undefined) throw invalid(`the header has the key "${twice}" twice`);
  return header as { readonly [key: string]: unknown };
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);
}

function readMetadata(value: unknown): { readonly [key: string]: string } {
  if (!isObject(value)) throw invalid('__metadata__ must be an object of strings');
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string' || !isWellFormed(text) || !isWellFormed(key)) {
      throw invalid(`__metadata__ must be an object of strings, but "${key}" is not`);
    }
  }
  return value as { readonly [key: string]: string };
}

function readEntry(name: string, info: unknown, dataStart: number): HeaderEntry {
  const where = `tensor "${name}"`;
  if (!isWellFormed(name)) throw invalid(`${where}: the name is not valid Unicode`);
  if (!isObject(info) || Object.keys(info).sort().join() !== 'data_offsets,dtype,shape') {
    throw invalid(`${where} must have exactly dtype, shape and data_offsets`);
  }
  const { dtype, shape, data_offsets: offsets } = info;
  if (typeof dtype !== 'string' || !Object.hasOwn(ITEM_BYTES, dtype)) {
    throw invalid(
      `${where} has the type ${JSON.stringify(dtype)}, which can not be read; ` +
        `convert it to one of ${Object.keys(ITEM_BYTES).join(', ')}`,
    );
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    throw invalid(
      `${where}: shape must be a list of non-negative integers, got ${JSON.stringify(shape)}`,
    );
  }
  if (
    !Array.isArray(offsets) ||
    offsets.length !== 2 ||
    !offsets.every(isCount) ||
    (offsets[0] as number) > (offsets[1] as number)
  ) {
    throw invalid(
      `${where}: data_offsets must be [begin, end] with begin <= end, got ${JSON.stringify(offsets)}`,
    );
  }
  const [begin, end] = offsets as [number, number];
  let size: number = ITEM_BYTES[dtype as SafetensorsDtype];
  for (const dimension of shape) {
    size *= dimension;
    if (!Number.isSafeInteger(size)) {
      throw invalid(`${where}: shape [${shape.join(', ')}] is too large`);
    }
  }
  if (end - begin !== size) {
    throw invalid(
      `${where}: ${dtype} [${shape.join(', ')}] takes ${size} bytes, but data_offsets span ${end - begin}`,
    );
  }
  return {
    name,
    dtype: dtype as SafetensorsDtype,
    shape,
    start: dataStart + begin,
    end: dataStart + end,
  };
}

/** The tensors must fill the data from its first to its last byte, each byte once. */
function checkLayout(entries: readonly HeaderEntry[], dataStart: number, fileEnd: number): void {
  let place = dataStart;
  for (const [i, { name, start, end }] of entries.entries()) {
    if (start < place) {
      throw invalid(`tensor "${name}" overlaps tensor "${entries[i - 1]?.name}"`);
    }
    if (start > place) {
      throw invalid(`${start - place} bytes before tensor "${name}" belong to no tensor`);
    }
    if (end > fileEnd) {
      throw invalid(`the file is cut off: tensor "${name}" ends ${end - fileEnd} bytes after it`);
    }
    place = end;
  }
  if (place !== fileEnd) {
    throw invalid(`${fileEnd - place} bytes after the last tensor belong to no tensor`);
  }
}
