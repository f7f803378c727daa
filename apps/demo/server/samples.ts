import type { Dataset, ImageSize } from '@chainrule/data';
import sharp from 'sharp';
import type { Reference } from '../src/lab/answer.js';
import { SIDE } from '../src/lab/sizes.js';

const SIZE: ImageSize = { height: SIDE, width: SIDE, channels: 3, fit: 'fill' };

interface Picture {
  readonly id: string;
  readonly pixels: Uint8Array;
  readonly questions: { readonly text: string; readonly answer: string }[];
}

/**
 * Pictures whose questions have as many different answers as can be: every colour, every shape. The
 * page that has no server shows the same ones.
 */
export async function samples(test: Dataset, wanted = 24): Promise<Picture[]> {
  const seen = new Map<string, Picture>();
  for (const picture of await pictures(test)) {
    const looks = picture.questions
      .map(({ answer }) => answer)
      .filter((answer) => answer !== 'yes' && answer !== 'no')
      .sort()
      .join();
    if (!seen.has(looks)) seen.set(looks, picture);
    if (seen.size === wanted) break;
  }
  return [...seen.values()];
}

async function pictures({ examples }: Dataset): Promise<Picture[]> {
  const all = new Map<string, Picture>();
  for (const { inputs, label } of examples) {
    const { image, text } = inputs;
    if (image === undefined || text === undefined || label === undefined) continue;
    const known = all.get(image.id);
    const own = known ?? { id: image.id, pixels: await image.read(SIZE), questions: [] };
    if (!known) all.set(image.id, own);
    own.questions.push({ text, answer: label });
  }
  return [...all.values()];
}

/** What stands for the mean of the data. */
export function reference(shown: readonly Picture[]): Reference {
  return {
    pixels: Buffer.concat(shown.map(({ pixels }) => pixels)),
    texts: shown.flatMap(({ questions }) => questions.map(({ text }) => text)),
  };
}

export async function png({ pixels }: Picture): Promise<Uint8Array> {
  const raw = { width: SIDE, height: SIDE, channels: 3 } as const;
  return new Uint8Array(await sharp(pixels, { raw }).png().toBuffer());
}
