import { type Dataset, dataset, pixelImage } from '@chainrule/data';
import { ChainruleError } from '@chainrule/tensor';
import { z } from 'zod';
import { SIDE } from './sizes.js';

const BYTES = SIDE * SIDE * 3;
const count = z.int().min(0);

/** `catalog.json`: the little that the page needs at once. `scripts/pack.mjs` writes it. */
export const packedCatalog = z.strictObject({
  version: z.literal(1),
  source: z.string(),
  licence: z.strictObject({ name: z.string(), text: z.string() }),
  /** What a composed model needs to know of the data. */
  sizes: z.strictObject({ vocabulary: count, classes: count, words: count }),
  /** A gzip file: the pixels of the samples, picture by picture. */
  reference: z.string(),
  samples: z.array(
    z.strictObject({
      image: z.string(),
      questions: z.array(z.strictObject({ text: z.string(), answer: z.string() })),
    }),
  ),
  /** The files of the trained model, where there was one. */
  model: z
    .strictObject({
      folder: z.string(),
      files: z.array(z.string()),
      fusion: z.string(),
      accuracy: z.number().optional(),
    })
    .optional(),
});
export type PackedCatalog = z.infer<typeof packedCatalog>;

const part = z.strictObject({
  images: count,
  /** A gzip file of pixels, picture by picture, row by row; and its size. */
  pixels: z.string(),
  bytes: count,
  /** For each picture its questions: text, answer, text, answer, … as numbers. */
  questions: z.array(z.array(count)),
});

/** `easy-vqa.json`: the questions, and where the pixels are. */
export const packedData = z.strictObject({
  version: z.literal(1),
  classes: z.array(z.string()),
  texts: z.array(z.string()),
  train: part,
  test: part,
});
export type PackedData = z.infer<typeof packedData>;

/** One part of the data as the loader takes it. */
export function unpack(data: PackedData, name: 'train' | 'test', pixels: Uint8Array): Dataset {
  const { images, questions } = data[name];
  if (pixels.length !== images * BYTES || questions.length !== images) {
    throw new ChainruleError(
      'DATA_PACK',
      `lab: the ${name} part must have ${images} pictures of ${BYTES} bytes, got ${pixels.length} bytes and questions about ${questions.length}; run pnpm demo:static again`,
    );
  }
  const text = (index: number) => named(data.texts, index);
  const label = (index: number) => named(data.classes, index);
  return dataset({
    name: `easy-VQA ${name}`,
    classes: data.classes,
    examples: questions.flatMap((numbers, i) => {
      const own = pixels.subarray(i * BYTES, (i + 1) * BYTES);
      const image = pixelImage(`${name}/${i}`, own, [SIDE, SIDE, 3]);
      return Array.from({ length: numbers.length / 2 }, (_, k) => ({
        inputs: { image, text: text(numbers[2 * k]!) },
        label: label(numbers[2 * k + 1]!),
      }));
    }),
  });
}

function named(names: readonly string[], index: number): string {
  const name = names[index];
  if (name !== undefined) return name;
  throw new ChainruleError(
    'DATA_PACK',
    `lab: the packed data name number ${index} of ${names.length}; run pnpm demo:static again`,
  );
}
