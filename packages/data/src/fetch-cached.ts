import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ChainruleError } from '@chainrule/tensor';
import { cacheError, cacheFolder, sha256 } from './cache.js';

/** A file to have in the cache, and how to get it there. */
export interface CachedFile {
  readonly file: string;
  readonly sha256: string;
  /**
   * Puts the file into the folder `into`. `unavailable` makes the error for a file that is not to be
   * had, with the command to run and the folder, `downloads`, to put it in.
   */
  fetch(into: string, downloads: string): Promise<void>;
  unavailable(downloads: string, reason: string, cause?: unknown): ChainruleError;
}

/**
 * The bytes of a file: from the cache, or else fetched and then cached. The hash is checked on every
 * read, and a file with another hash is deleted.
 */
export async function fetchCached(wanted: CachedFile): Promise<Uint8Array> {
  const folder = join(cacheFolder(), 'downloads');
  const path = join(folder, wanted.file);
  const cached = await readFile(path).catch(() => undefined);
  if (cached !== undefined) return verified(cached, path, wanted);

  // Beside its final place, so that the rename is atomic.
  const partial = await mkdir(folder, { recursive: true })
    .then(() => mkdtemp(join(folder, '.partial-')))
    .catch((cause: unknown) => {
      throw cacheError(folder, cause);
    });
  try {
    await wanted.fetch(partial, folder);
    const fetched = join(partial, wanted.file);
    const bytes = await readFile(fetched).catch((cause: unknown) => {
      throw wanted.unavailable(folder, `${wanted.file} was not delivered`, cause);
    });
    await verified(bytes, fetched, wanted);
    await rename(fetched, path);
    return bytes;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function verified(
  bytes: Uint8Array,
  path: string,
  { file, sha256: expected }: CachedFile,
): Promise<Uint8Array> {
  const actual = sha256(bytes);
  if (actual === expected) return bytes;
  await rm(path, { force: true });
  throw new ChainruleError(
    'DATA_CHECKSUM',
    `data.download: ${file} must have sha256 ${expected}, got ${actual} (${path}); it was damaged or is another file, and has been deleted: run again to fetch it anew`,
  );
}
