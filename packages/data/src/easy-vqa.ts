import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { strFromU8, unzipSync } from 'fflate';
import { z } from 'zod';
import { cacheFolder, sha256, writeAtomic } from './cache.js';
import { type Dataset, dataset, type Example } from './dataset.js';
import { decodeImage, resizePixels } from './decode.js';
import { pipDownload } from './download.js';
import type { ImageSize, ImageSource } from './image.js';

export type QuestionKind = 'yes/no' | 'shape' | 'colour';

/** One question about one picture. */
export interface VqaExample extends Example {
  readonly inputs: { readonly image: ImageSource; readonly text: string };
  readonly label: string;
  readonly kind: QuestionKind;
}

export interface EasyVqa {
  /** 38,575 questions about 4,000 pictures. */
  readonly train: Dataset<VqaExample>;
  /** 9,673 questions about 1,000 pictures. */
  readonly test: Dataset<VqaExample>;
  /** The 13 answers, in the order of their ids. */
  readonly classes: readonly string[];
  readonly licence: { readonly name: string; readonly text: string };
}

const WHEEL = {
  project: 'easy-vqa',
  version: '1.0',
  file: 'easy_vqa-1.0-py3-none-any.whl',
  sha256: 'fcb51b309b78c7b00f97b64cdbcbcf5c105f94da1b39c0796cee5a787c4f650f',
};
const NATIVE: ImageSize = { height: 64, width: 64, channels: 3, fit: 'fill' };
const BYTES = NATIVE.height * NATIVE.width * NATIVE.channels;
/** PNG is lossless, so the decoded pixels have a hash of their own: the cached ones are checked. */
const PARTS = {
  train: {
    images: 4000,
    sha256: 'a40e8163e77d3ad089961903d049816b608f00b10b75864639c15afbd542cdd0',
  },
  test: {
    images: 1000,
    sha256: '25fa8ef463ac0efa28a43bce372e798825bd5daafa56fc63a063db2ccc991251',
  },
} as const;
const SHAPES = new Set(['circle', 'rectangle', 'triangle']);
const questionsSchema = z.array(z.tuple([z.string(), z.string(), z.int().min(0)]));

/**
 * The official easy-VQA data: 64×64 pictures of one coloured shape, and questions about them with
 * 13 possible answers (Victor Zhou, MIT licence).
 *
 * The first call fetches the wheel (3.2 MB) with pip and decodes the pictures; both are cached in
 * {@link cacheFolder}, checked by SHA-256, and need no network afterwards.
 *
 * @param options.log Receives a line on what takes time: fetching, decoding.
 * @throws ChainruleError `DATA_DOWNLOAD` without network and cache, `DATA_CHECKSUM` for a damaged
 * wheel, `DATA_CACHE` where the wheel can not be stored.
 * @example
 * const { train, test, classes } = await easyVqa();
 * train.examples[0]; // { inputs: { image, text }, label: 'no', kind: 'yes/no' }
 */
export async function easyVqa(
  options: { readonly log?: (line: string) => void; readonly signal?: AbortSignal } = {},
): Promise<EasyVqa> {
  const { log, signal } = options;
  const wheel = await pipDownload({
    ...WHEEL,
    signal,
    onFetch: (message) => log?.(`${message} (3.2 MB, MIT licence)`),
  });
  const files = unzipSync(wheel, { filter: ({ name }) => !name.endsWith('.png') });
  const read = (name: string) => strFromU8(files[name]!);
  const classes = read('easy_vqa/data/answers.txt').trim().split(/\s+/);

  const part = async (name: 'train' | 'test') => {
    const pixels = await cachedPixels(name, wheel, log, signal);
    const images = Array.from({ length: PARTS[name].images }, (_, i) => picture(name, i, pixels));
    const questions = questionsSchema.parse(
      JSON.parse(read(`easy_vqa/data/${name}/questions.json`)),
    );
    return dataset<VqaExample>({
      name: `easy-VQA ${name}`,
      classes,
      examples: questions.map(([text, label, image]) => ({
        inputs: { image: images[image]!, text },
        label,
        kind: kindOf(label),
      })),
    });
  };
  return {
    train: await part('train'),
    test: await part('test'),
    classes,
    licence: { name: 'MIT', text: read('easy_vqa-1.0.dist-info/LICENSE') },
  };
}

function kindOf(answer: string): QuestionKind {
  if (answer === 'yes' || answer === 'no') return 'yes/no';
  return SHAPES.has(answer) ? 'shape' : 'colour';
}

function picture(part: string, index: number, pixels: Uint8Array): ImageSource {
  const own = pixels.subarray(index * BYTES, (index + 1) * BYTES);
  return {
    id: `${part}/${index}`,
    read(size) {
      const { height, width, channels } = size;
      if (height === NATIVE.height && width === NATIVE.width && channels === 3) return own;
      return resizePixels(own, NATIVE, size);
    },
  };
}

/** The decoded pictures of one part, one after the other. Decoding takes seconds, reading does not. */
async function cachedPixels(
  part: 'train' | 'test',
  wheel: Uint8Array,
  log: ((line: string) => void) | undefined,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { images, sha256: expected } = PARTS[part];
  const path = join(cacheFolder(), 'easy-vqa-1.0', `${part}-64x64x3.u8`);
  const cached = await readFile(path).catch(() => undefined);
  if (cached !== undefined && sha256(cached) === expected) {
    return new Uint8Array(cached.buffer, cached.byteOffset, cached.byteLength);
  }

  log?.(`decoding ${images} pictures of easy-VQA ${part}`);
  const folder = `easy_vqa/data/${part}/images/`;
  const files = unzipSync(wheel, { filter: ({ name }) => name.startsWith(folder) });
  const pixels = new Uint8Array(images * BYTES);
  let next = 0;
  const worker = async () => {
    while (next < images) {
      signal?.throwIfAborted();
      const image = next++;
      const name = `${folder}${image}.png`;
      pixels.set(await decodeImage(files[name]!, name, NATIVE), image * BYTES);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  // A cache that is read only costs time, not the data.
  await writeAtomic(path, pixels).catch((error: Error) => log?.(error.message));
  return pixels;
}
