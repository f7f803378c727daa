import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ChainruleError } from '@chainrule/tensor';
import type { DualEncoder } from './dual-encoder.js';
import {
  dualEncoderFromFiles,
  fileNames,
  fromFiles,
  type ModelFiles,
  type SavedModel,
  type Tokenizers,
  type TrainedModel,
  toFiles,
} from './files.js';

/**
 * Writes a trained model as a folder. The folder appears whole or not at all; a saved model that
 * stood there is replaced at the last moment.
 *
 * @throws ChainruleError `WRITE` where the folder can not be written, or holds something else.
 *
 * @example
 * await saveModel('models/mine', { model, params: result.params, tokenizer: tokenizer.config, labels });
 */
export async function saveModel<M extends SavedModel>(
  folder: string,
  trained: TrainedModel<M>,
): Promise<void> {
  await checkModelFolder(folder);
  const target = resolve(folder);
  const fresh = sibling(target);
  const old = sibling(target);
  try {
    await mkdir(fresh);
    for (const [name, bytes] of Object.entries(toFiles(trained))) {
      await writeFile(join(fresh, name), bytes);
    }
    const replaces = await exists(target);
    if (replaces) await rename(target, old);
    await rename(fresh, target).catch(async (error) => {
      if (replaces) await rename(old, target);
      throw error;
    });
  } catch (cause) {
    throw unwritable(folder, cause);
  } finally {
    await rm(fresh, { recursive: true, force: true }).catch(() => {});
    await rm(old, { recursive: true, force: true }).catch(() => {});
  }
}

/**
 * Checks that {@link saveModel} will be able to write this folder, and makes its parents: better
 * known before an hour of training than after it.
 *
 * @throws ChainruleError `WRITE` that says why not.
 */
export async function checkModelFolder(folder: string): Promise<void> {
  const target = resolve(folder);
  try {
    const names = (await exists(target)) ? await readdir(target) : [];
    const foreign = names.find((name) => !fileNames.includes(name));
    if (foreign !== undefined) {
      throw new ChainruleError(
        'WRITE',
        `saveModel: ${folder} holds "${foreign}", so it is not just a saved model and will not be replaced; choose another folder`,
      );
    }
    await mkdir(dirname(target), { recursive: true });
    const trial = sibling(target);
    await mkdir(trial);
    await rm(trial, { recursive: true });
  } catch (cause) {
    throw unwritable(folder, cause);
  }
}

/** A hidden name beside the folder, so that renaming stays within one disk. */
function sibling(target: string): string {
  return join(dirname(target), `.${basename(target)}.${randomUUID()}`);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}

function unwritable(folder: string, cause: unknown): ChainruleError {
  if (cause instanceof ChainruleError) return cause;
  return new ChainruleError(
    'WRITE',
    `saveModel: can not write ${folder}: ${(cause as Error).message}; choose a folder that you may write to, on a disk with room`,
    { cause },
  );
}

/**
 * Reads a folder that {@link saveModel} wrote, or that someone else did: nothing in it is run.
 *
 * @throws ChainruleError `MODEL_FILE` where it is not one, or a file is broken.
 *
 * @example
 * const trained = await loadModel('models/easy-vqa-product');
 * const [answers] = await predictor(trained).classify({ image: pixels, text: ['is there a circle?'] });
 */
export async function loadModel(folder: string): Promise<TrainedModel> {
  const files = await readFiles(folder);
  return fromFiles(files, folder, await optionsFor(files));
}

/**
 * Reads a folder with a `dualEncoder(…)` that {@link saveModel} wrote.
 *
 * @throws ChainruleError as {@link loadModel}.
 *
 * @example
 * const { model, params } = await loadDualEncoder('models/retrieval');
 * const vectors = model.embed(params, 'image', pixels);
 */
export async function loadDualEncoder(folder: string): Promise<TrainedModel<DualEncoder>> {
  const files = await readFiles(folder);
  return dualEncoderFromFiles(files, folder, await optionsFor(files));
}

/**
 * The library that reads Hugging Face's tokenizers is an optional peer, loaded where a model has
 * such a one. Whatever is wrong with the file is for `fromFiles` to say.
 */
async function optionsFor(files: ModelFiles): Promise<{ tokenizers?: Tokenizers }> {
  const vocabulary = files['vocabulary.json'];
  if (vocabulary === undefined) return {};
  const head = new TextDecoder().decode(vocabulary.subarray(0, 200));
  if (!head.includes('"huggingFaceTokenizer"')) return {};
  try {
    const { huggingFace } = await import('@chainrule/encoders-text/huggingface');
    return { tokenizers: huggingFace };
  } catch (cause) {
    throw new ChainruleError(
      'MODEL_FILE',
      'loadModel: the model has a Hugging Face tokenizer; run: npm install @huggingface/tokenizers',
      { cause },
    );
  }
}

async function readFiles(folder: string): Promise<ModelFiles> {
  const names = await readdir(folder).catch((cause: Error) => {
    throw new ChainruleError(
      'MODEL_FILE',
      `loadModel: can not read the folder ${folder}: ${cause.message}; train a model first, or give the folder of a saved one`,
      { cause },
    );
  });
  const read = async (name: string) => [name, await readRegular(join(folder, name))] as const;
  const known = fileNames.filter((name) => names.includes(name));
  return Object.fromEntries(await Promise.all(known.map(read)));
}

async function readRegular(path: string): Promise<Uint8Array> {
  try {
    // A pipe would be waited for, perhaps for ever.
    if (!(await stat(path)).isFile()) throw new Error('it is not a regular file');
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    throw new ChainruleError('MODEL_FILE', `${path}: ${(cause as Error).message}`, { cause });
  }
}
