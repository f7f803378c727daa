import { readFile } from 'node:fs/promises';
import { sha256, writeAtomic } from './cache.js';

/**
 * Something computed, in a file that tells when it is damaged: the SHA-256 of the rest (64 letters),
 * the length of a JSON header (uint32), the header, and bytes. The header starts with a key that
 * says what it was computed from.
 */
export interface Sealed<Header> {
  readonly header: Header;
  readonly body: Uint8Array;
}

const HASH = 64;

/** The content of a sealed file; undefined where there is none, or it is damaged or of another key. */
export async function readSealed<Header>(
  path: string,
  key: string,
): Promise<Sealed<Header> | undefined> {
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes === undefined || bytes.length < HASH + 4) return undefined;
  if (bytes.toString('latin1', 0, HASH) !== sha256(bytes.subarray(HASH))) return undefined;
  const start = HASH + 4 + bytes.readUInt32LE(HASH);
  const { key: own, header } = JSON.parse(bytes.toString('utf8', HASH + 4, start));
  return own === key ? { header, body: bytes.subarray(start) } : undefined;
}

export async function writeSealed<Header>(
  path: string,
  key: string,
  { header, body }: Sealed<Header>,
): Promise<void> {
  const head = Buffer.from(JSON.stringify({ key, header }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  const rest = Buffer.concat([length, head, body]);
  await writeAtomic(path, Buffer.concat([Buffer.from(sha256(rest), 'latin1'), rest]));
}

/** Something small that JSON can hold: from the cache, or else computed and then cached. */
export async function computed<T>(
  path: string,
  key: string,
  log: ((line: string) => void) | undefined,
  compute: () => Promise<T>,
): Promise<T> {
  const cached = await readSealed<T>(path, key);
  if (cached !== undefined) return cached.header;
  const header = await compute();
  // A cache that is read only costs time, not the data.
  await writeSealed(path, key, { header, body: new Uint8Array() }).catch((error: Error) =>
    log?.(error.message),
  );
  return header;
}
