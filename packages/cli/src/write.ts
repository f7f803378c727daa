import { mkdir, open, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ChainruleError } from '@chainrule/tensor';

/**
 * Makes sure, before an hour of training, that a file can be written after it.
 *
 * @throws ChainruleError `WRITE` that names the file.
 */
export async function checkWritable(path: string, option = '--json'): Promise<void> {
  try {
    await mkdir(dirname(resolve(path)), { recursive: true });
    const isNew = await stat(path).then(
      () => false,
      () => true,
    );
    await (await open(path, 'a')).close();
    if (isNew) await rm(path);
  } catch (cause) {
    throw unwritable(path, option, cause);
  }
}

/** @throws ChainruleError `WRITE` that names the file. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value)}\n`).catch((cause) => {
    throw unwritable(path, '--json', cause);
  });
}

function unwritable(path: string, option: string, cause: unknown): ChainruleError {
  return new ChainruleError(
    'WRITE',
    `can not write ${path}: ${(cause as Error).message}; choose another place with ${option}`,
    { cause },
  );
}
