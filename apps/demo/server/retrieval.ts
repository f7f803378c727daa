import type { ImageSize } from '@chainrule/data';
import { type Emoji, type EmojiDrawing, emoji } from '@chainrule/data/node';
import { tokenizerFromConfig } from '@chainrule/encoders-text';
import { embed, exactIndex, type VectorIndex } from '@chainrule/retrieval';
import { ChainruleError } from '@chainrule/tensor';
import { loadDualEncoder } from '@chainrule/trainer/node';
import * as tf from '@tensorflow/tfjs-core';
import sharp from 'sharp';
import type { Found } from './schemas.js';

/** Whose drawings are searched. */
const ARTIST = 'noto';
/** Side of the pictures that the page shows. */
const SHOWN = 96;
const HITS = 12;

/** Text to picture and picture to text over the emoji. */
export interface Retrieval {
  /** `pixels` are of the size `imageSize`, 0 … 255. */
  search(query: { readonly text: string } | { readonly pixels: Uint8Array }): Promise<Found>;
  readonly imageSize: readonly [height: number, width: number];
}

let drawn: Promise<Emoji> | undefined;

function drawings(): Promise<Emoji> {
  drawn ??= emoji({ artists: [ARTIST], size: SHOWN }).catch((error: unknown) => {
    drawn = undefined;
    throw error;
  });
  return drawn;
}

/** An emoji's drawing as a PNG. */
export async function drawing(index: number): Promise<Uint8Array | undefined> {
  const { drawings: all } = await drawings();
  const found = all[index];
  if (found === undefined) return undefined;
  const pixels = await found.read(sized(SHOWN, SHOWN));
  const raw = { width: SHOWN, height: SHOWN, channels: 3 } as const;
  return new Uint8Array(await sharp(pixels, { raw }).png().toBuffer());
}

/** Embeds all drawings and all names with a saved dual encoder. */
export async function openRetrieval(folder: string): Promise<Retrieval> {
  const { model, params, imageSize, tokenizer: config } = await loadDualEncoder(folder);
  const takes = Object.keys(model.encoders).sort().join();
  if (takes !== 'image,text' || imageSize === undefined || config === undefined) {
    throw new ChainruleError(
      'MODEL_FILE',
      `demo: ${folder} must hold a dual encoder of image and text, with its tokenizer and the size of its pictures`,
    );
  }
  const tokenizer = tokenizerFromConfig(config);
  const [height, width] = imageSize;

  const ofTexts = (texts: readonly string[]) =>
    tf.tidy(() => {
      const ids = tokenizer.encodeBatch(texts);
      return model.embed(
        params,
        'text',
        tf.tensor2d(ids, [texts.length, tokenizer.maxLength], 'int32'),
      );
    });
  const ofPixels = (pictures: readonly Uint8Array[]) =>
    tf.tidy(() => {
      const all = new Float32Array(pictures.length * height * width * 3);
      pictures.forEach((picture, i) => {
        const own = Float32Array.from(picture, (byte) => byte * (1 / 255));
        all.set(own, i * own.length);
      });
      return model.embed(params, 'image', tf.tensor4d(all, [pictures.length, height, width, 3]));
    });
  const ofDrawings = async (list: readonly EmojiDrawing[]) =>
    ofPixels(await Promise.all(list.map((each) => each.read(sized(height, width)))));

  const { drawings: all } = await drawings();
  const names = all.map(({ concept }) => nameOf(concept));
  const pictures = await indexOf(await embed(ofDrawings, all));
  const words = await indexOf(await embed(ofTexts, names));

  return {
    imageSize,
    async search(query) {
      const [vector] =
        'text' in query
          ? await embed(ofTexts, [query.text])
          : await embed(ofPixels, [query.pixels]);
      const hits = async (index: VectorIndex) => {
        const [found] = await index.search([vector!], { k: HITS });
        return found!.map(({ id, similarity }) => ({
          image: `/api/emoji/${id}.png`,
          name: names[Number(id)]!,
          similarity,
        }));
      };
      return { pictures: await hits(pictures), names: await hits(words) };
    },
  };
}

async function indexOf(vectors: readonly Float32Array[]): Promise<VectorIndex> {
  const index = exactIndex({ width: vectors[0]!.length });
  await index.upsert(vectors.map((vector, i) => ({ id: `${i}`, vector })));
  return index;
}

const nameOf = ({ words }: EmojiDrawing['concept']) => words.en!.name;

const sized = (height: number, width: number): ImageSize => ({
  height,
  width,
  channels: 3,
  fit: 'contain',
});
