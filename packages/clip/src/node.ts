import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ChainruleError } from '@chainrule/tensor';
import { type Clip, clipFileNames, clipFromFiles } from './files.js';

/**
 * {@link clipFromFiles} for a folder as `huggingface-cli download` leaves it.
 *
 * @throws ChainruleError `MODEL_FILE` that names the file, and for weights the tensor.
 *
 * @example
 * const { image, text, params, tokenizer } = await clipFromFolder('models/clip-vit-base-patch32');
 */
export async function clipFromFolder(folder: string): Promise<Clip> {
  const found = await Promise.all(
    clipFileNames.map(async (name) => {
      const bytes = await readFile(join(folder, name)).catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === 'ENOENT') return undefined;
        throw new ChainruleError('MODEL_FILE', `${join(folder, name)}: ${cause.message}`, {
          cause,
        });
      });
      return bytes === undefined ? [] : [[name, new Uint8Array(bytes)] as const];
    }),
  );
  return clipFromFiles(Object.fromEntries(found.flat()), folder);
}
