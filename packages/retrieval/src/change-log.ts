import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { ChainruleError } from '@chainrule/tensor';
import type { Row } from './checked-index.js';
import type { Metadata } from './vector-index.js';

/** One call of upsert or delete. */
export type Change =
  | { readonly upsert: readonly Row[]; readonly slots?: readonly number[] }
  | { readonly delete: readonly string[] };

/**
 * A file of changes, one record a call: u32 length and u32 CRC-32 (little-endian) of what follows,
 * a line of JSON, then the vectors as little-endian float32. A record is on disk when `append`
 * resolves; one that was cut off while it was written is dropped when the file is read again.
 */
export interface ChangeLog {
  append(change: Change): Promise<void>;
  close(): Promise<void>;
}

type Header =
  | {
      readonly upsert: readonly (readonly [id: string, metadata: Metadata, slot?: number])[];
    }
  | { readonly delete: readonly string[] };

const HEAD = 8;
const NEWLINE = 0x0a;
// What the length can say.
const LONGEST = 2 ** 32 - 1;

export async function openChangeLog(path: string, from: number): Promise<ChangeLog> {
  const file = await open(path, 'r+');
  let position = from;
  await file.truncate(position);
  return {
    async append(change) {
      const record = encode(change);
      try {
        await file.write(record, 0, record.length, position);
        await file.datasync();
      } catch (cause) {
        await file.truncate(position).catch(() => undefined);
        const { message } = cause as Error;
        throw new ChainruleError(
          'INDEX_FILE',
          `usearchIndex: can not write to ${path}: ${message}; nothing was changed`,
          { cause },
        );
      }
      position += record.length;
    },
    close: () => file.close(),
  };
}

/** Writes a new file with these changes in it. */
export async function writeChanges(path: string, changes: Iterable<Change>): Promise<number> {
  const file = await open(path, 'w');
  try {
    let position = 0;
    for (const change of changes) {
      const record = encode(change);
      await file.write(record, 0, record.length, position);
      position += record.length;
    }
    await file.sync();
    return position;
  } finally {
    await file.close();
  }
}

/**
 * Calls `apply` with every change of the file, in order.
 *
 * @returns where the last whole record ends.
 * @throws ChainruleError `INDEX_FILE` where a whole record does not have its checksum.
 */
export async function readChanges(
  path: string,
  width: number,
  apply: (change: Change) => void,
): Promise<number> {
  const file = await open(path, 'r').catch((cause: Error) => {
    throw new ChainruleError(
      'INDEX_FILE',
      `usearchIndex: can not read ${path}: ${cause.message}; restore the folder from a copy`,
      { cause },
    );
  });
  try {
    const { size } = await file.stat();
    let position = 0;
    for (;;) {
      const head = await read(file, position, Math.min(HEAD, size - position));
      if (head.length < HEAD) return position;
      const length = head.readUInt32LE(0);
      if (position + HEAD + length > size) return position;
      const body = await read(file, position + HEAD, length);
      if (length === 0 || crc32(body) !== head.readUInt32LE(4)) throw broken(path, position);
      apply(decode(body, width, () => broken(path, position)));
      position += HEAD + length;
    }
  } finally {
    await file.close();
  }
}

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}

function encode(change: Change): Buffer {
  const rows = 'upsert' in change ? change.upsert : [];
  const header: Header =
    'upsert' in change
      ? {
          upsert: rows.map(({ id, metadata }, i) => {
            const slot = change.slots?.[i];
            return slot === undefined ? [id, metadata] : [id, metadata, slot];
          }),
        }
      : change;
  const vectors = rows.map(({ vector: { buffer, byteOffset, byteLength } }) =>
    Buffer.from(buffer, byteOffset, byteLength),
  );
  const body = [Buffer.from(`${JSON.stringify(header)}\n`), ...vectors];
  const length = body.reduce((sum, part) => sum + part.length, 0);
  if (length > LONGEST) {
    throw new ChainruleError(
      'INDEX_FILE',
      `usearchIndex: one upsert must fit into 4 GB, got ${rows.length} rows; upsert in parts`,
    );
  }
  const record = Buffer.concat([Buffer.alloc(HEAD), ...body], HEAD + length);
  record.writeUInt32LE(length, 0);
  record.writeUInt32LE(crc32(record.subarray(HEAD)), 4);
  return record;
}

function decode(body: Buffer, width: number, fail: () => ChainruleError): Change {
  const end = body.indexOf(NEWLINE);
  const header = JSON.parse(body.toString('utf8', 0, end)) as Header;
  if ('delete' in header) return header;
  if (body.length - end - 1 !== header.upsert.length * width * 4) throw fail();
  const slots = header.upsert.flatMap(([, , slot]) => slot ?? []);
  return {
    ...(slots.length > 0 && { slots }),
    upsert: header.upsert.map(([id, metadata], i) => {
      const from = end + 1 + i * width * 4;
      // Copied, because float32 must begin at a multiple of four bytes.
      const bytes = new Uint8Array(body.subarray(from, from + width * 4));
      return { id, metadata, vector: new Float32Array(bytes.buffer) };
    }),
  };
}

function broken(path: string, position: number): ChainruleError {
  return new ChainruleError(
    'INDEX_FILE',
    `usearchIndex: ${path} is broken at byte ${position}: its checksum does not fit; restore the folder from a copy, or embed anew`,
  );
}
