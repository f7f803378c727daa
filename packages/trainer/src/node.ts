import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ChainruleError } from '@chainrule/tensor';
import { fromFiles, type ModelFiles, type TrainedModel, toFiles } from './files.js';

/**
 * Writes a trained model as a folder. The folder appears whole or not at all; one that stood there
 * before is replaced at the last moment.
 *
 * @throws ChainruleError `WRITE` where the folder can not be written, or holds something else.
 */
export async function saveModel(folder: string, trained: TrainedModel): Promise<void> {
  const target = resolve(folder);
  const files = toFiles(trained);
  const fresh = join(dirname(target), `.${basename(target)}.${randomUUID()}`);
  try {
    await refuseForeign(target);
    await mkdir(fresh, { recursive: true });
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(fresh, name), bytes);
    await rm(target, { recursive: true, force: true });
    await rename(fresh, target);
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true }).catch(() => {});
    if (cause instanceof ChainruleError) throw cause;
    throw new ChainruleError(
      'WRITE',
      `saveModel: can not write ${folder}: ${(cause as Error).message}; choose a folder that you may write to, on a disk with room`,
      { cause },
    );
  }
}

/** A folder that is not a saved model is never deleted. */
async function refuseForeign(target: string): Promise<void> {
  const names = await readdir(target).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (names.length > 0 && !names.includes('config.json')) {
    throw new ChainruleError(
      'WRITE',
      `saveModel: ${target} holds something other than a saved model; choose another folder`,
    );
  }
}

/**
 * Reads a folder that {@link saveModel} wrote.
 *
 * @throws ChainruleError `MODEL_FILE` where it is not one, or a file is broken.
 */
export async function loadModel(folder: string): Promise<TrainedModel> {
  const names = await readdir(folder).catch((cause) => {
    throw new ChainruleError(
      'MODEL_FILE',
      `loadModel: there is no folder ${folder}; train a model first, or give the folder of a saved one`,
      { cause },
    );
  });
  const known = ['config.json', 'model.safetensors', 'vocabulary.json'].filter((name) =>
    names.includes(name),
  );
  const files: ModelFiles = Object.fromEntries(
    await Promise.all(
      known.map(
        async (name) => [name, new Uint8Array(await readFile(join(folder, name)))] as const,
      ),
    ),
  );
  return fromFiles(files, folder);
}
