import { access, constants, mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ChainruleError } from '@chainrule/tensor';

/**
 * Makes sure, before an hour of training, that its results can be written.
 *
 * @throws ChainruleError `WRITE` that names the place.
 */
export async function checkWritable(folder: string, json?: string): Promise<void> {
  const parents = [dirname(folder), ...(json === undefined ? [] : [dirname(resolve(json))])];
  for (const parent of parents) {
    try {
      await mkdir(parent, { recursive: true });
      await access(parent, constants.W_OK);
    } catch (cause) {
      throw new ChainruleError(
        'WRITE',
        `can not write to ${parent}: ${(cause as Error).message}; choose another folder with --out (and --json)`,
        { cause },
      );
    }
  }
}

export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value)}\n`).catch((cause: Error) => {
    throw new ChainruleError('WRITE', `can not write ${path}: ${cause.message}`, { cause });
  });
}
