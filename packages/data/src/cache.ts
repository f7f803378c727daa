import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { ChainruleError } from '@chainrule/tensor';

/**
 * The folder for everything that can be fetched or computed again: `CHAINRULE_CACHE` where set, else
 * `chainrule` in `XDG_CACHE_HOME`, else in the platform's own place (`~/.cache`,
 * `~/Library/Caches`, `%LOCALAPPDATA%`).
 */
export function cacheFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
  home: string = homedir(),
): string {
  if (env.CHAINRULE_CACHE) return resolve(env.CHAINRULE_CACHE);
  // The XDG specification has relative paths ignored.
  const xdg = env.XDG_CACHE_HOME;
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'chainrule');
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'chainrule');
  if (platform === 'win32') {
    return join(env.LOCALAPPDATA ?? join(home, 'AppData', 'Local'), 'chainrule', 'Cache');
  }
  return join(home, '.cache', 'chainrule');
}

/** The SHA-256 of some bytes, in hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Writes a file so that it is there whole or not at all, whenever the process is killed.
 *
 * @throws ChainruleError `DATA_CACHE` where the folder can not be written.
 */
export async function writeAtomic(path: string, bytes: Uint8Array | string): Promise<void> {
  const partial = `${path}.${randomUUID()}.partial`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(partial, bytes, { flush: true });
    await rename(partial, path);
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => {});
    throw cacheError(dirname(path), cause);
  }
}

export function cacheError(folder: string, cause: unknown): ChainruleError {
  const { message } = cause as Error;
  return new ChainruleError(
    'DATA_CACHE',
    `data.cache: can not write to ${folder}: ${message}; free some space or set CHAINRULE_CACHE to a folder that you may write to`,
    { cause },
  );
}
