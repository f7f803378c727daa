import { open, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ChainruleError } from '@chainrule/tensor';

// A container's processes get the same numbers again, so that one's own number proves nothing.
const held = new Set<string>();

/**
 * Makes sure that one index at a time writes to a folder: a file with the number of the process. One
 * that a killed process left behind is taken over.
 *
 * @returns gives it back.
 * @throws ChainruleError `INDEX_LOCKED` while another holds it.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(resolve(folder), 'lock');
  for (let attempt = 0; attempt < 2; attempt++) {
    if (held.has(path)) break;
    try {
      const file = await open(path, 'wx');
      await file.writeFile(`${process.pid}`).finally(() => file.close());
      held.add(path);
      return async () => {
        await rm(path, { force: true });
        held.delete(path);
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const owner = Number(await readFile(path, 'utf8').catch(() => ''));
      if (owner !== process.pid && alive(owner)) break;
      await rm(path, { force: true });
    }
  }
  throw new ChainruleError(
    'INDEX_LOCKED',
    `usearchIndex: another index has ${folder} open; close it first (if there is none, delete ${path})`,
  );
}

function alive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid < 1) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there and belongs to someone else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
