import { access, constants, mkdir, statfs } from 'node:fs/promises';
import { ChainruleError } from '@chainrule/tensor';

/** The wheel, pip's second copy of it, and what is extracted. */
const BYTES_NEEDED = 1_500_000_000;

const UNWRITABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOENT']);
const FULL = new Set(['ENOSPC', 'EDQUOT']);

/**
 * Makes the folder and sees that it can take the library.
 *
 * @throws ChainruleError `NATIVE_CACHE`
 */
export async function prepareFolder(folder: string, needsLibrary: boolean): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (error) {
    throw diskError(folder, error);
  }
  if (!needsLibrary) return;
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < BYTES_NEEDED) throw full(folder, `has ${gigabytes(bavail * bsize)} free`);
}

/** Says what to do about a full or unwritable disk; any other error passes through. */
export function diskError(folder: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (FULL.has(code)) return full(folder, 'is full', error);
  if (!UNWRITABLE.has(code)) return error;
  return new ChainruleError(
    'NATIVE_CACHE',
    `chainrule-native: the cache folder ${folder} can not be written (${code}); mend its owner and rights, or set CHAINRULE_CACHE to a folder of yours.`,
    { cause: error },
  );
}

const full = (folder: string, what: string, cause?: unknown) =>
  new ChainruleError(
    'NATIVE_CACHE',
    `chainrule-native: the disk of the cache folder ${folder} ${what}, and the install needs ${gigabytes(BYTES_NEEDED)}; free some space, or set CHAINRULE_CACHE to a folder on another disk.`,
    { cause },
  );

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
