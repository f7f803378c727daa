import { compiledFunction } from '@chainrule/backend-node/compiled';
import type { ImageSize } from '@chainrule/data';
import { cachedEmbeddings, type Emoji, type EmojiDrawing, emoji } from '@chainrule/data/node';
import { tokenizerFromConfig } from '@chainrule/encoders-text';
import { huggingFace } from '@chainrule/encoders-text/huggingface';
import { exactIndex, type VectorIndex } from '@chainrule/retrieval';
import { ChainruleError } from '@chainrule/tensor';
import { loadDualEncoder } from '@chainrule/trainer/node';
import * as tf from '@tensorflow/tfjs-core';
import sharp from 'sharp';
import type { Found } from './schemas.js';

/** Whose drawings are searched. */
const ARTIST = 'noto';
/** Side of the pictures that the page shows, and that `pnpm retrieval` trains on: drawn once. */
const SHOWN = 128;
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

/** Embeds all drawings and all names with a saved dual encoder, once: the vectors are kept on disk. */
export async function openRetrieval(folder: string): Promise<Retrieval> {
  const { model, params, imageSize, tokenizer: config } = await loadDualEncoder(folder);
  const takes = Object.keys(model.encoders).sort().join();
  if (takes !== 'image,text' || imageSize === undefined || config === undefined) {
    throw new ChainruleError(
      'MODEL_FILE',
      `demo: ${folder} must hold a dual encoder of image and text, with its tokenizer and the size of its pictures`,
    );
  }
  const tokenizer = tokenizerFromConfig(config, huggingFace);
  const [height, width] = imageSize;
  const { drawings: all } = await drawings();
  const names = all.map(({ concept }) => nameOf(concept));

  const vectorsOf = async (
    side: 'image' | 'text',
    shape: readonly number[],
    read: (index: number) => Uint8Array | Int32Array | Promise<Uint8Array>,
  ) => {
    const embed = (p: typeof params, { x }: { readonly x: tf.Tensor }) => model.embed(p, side, x);
    // Many at once are worth compiling for; a query is not.
    const run = tf.getBackend() === 'tensorflow' ? compiledFunction(embed, params) : undefined;
    try {
      const { vectors } = await cachedEmbeddings({
        encoder: { config: { ...model.config, side }, width: model.width },
        params,
        encode: (x) => (run ? run.run({ x }) : tf.tidy(() => embed(params, { x }))),
        inputs: { count: all.length, shape, read },
      });
      return vectors;
    } finally {
      run?.dispose();
    }
  };
  const longest = Math.max(...names.map((name) => tokenizer.encode(name).length));
  const ids = tokenizer.encodeBatch(names, { maxLength: longest });
  const pictures = await indexOf(
    model.width,
    await vectorsOf('image', [height, width, 3], (i) => all[i]!.read(sized(height, width))),
  );
  const words = await indexOf(
    model.width,
    await vectorsOf('text', [longest], (i) => ids.slice(i * longest, (i + 1) * longest)),
  );

  const vectorOf = async (side: 'image' | 'text', input: () => tf.Tensor) => {
    const made = tf.tidy(() => model.embed(params, side, input()));
    const values = await made.data<'float32'>();
    made.dispose();
    return values;
  };
  const ofText = (text: string) => {
    const own = tokenizer.encode(text);
    return vectorOf('text', () => tf.tensor2d(own, [1, own.length], 'int32'));
  };
  const ofPixels = (picture: Uint8Array) =>
    vectorOf('image', () =>
      tf.tensor4d(
        Float32Array.from(picture, (byte) => byte / 255),
        [1, height, width, 3],
      ),
    );

  return {
    imageSize,
    async search(query) {
      const vector = await ('text' in query ? ofText(query.text) : ofPixels(query.pixels));
      const hits = async (index: VectorIndex) => {
        const [found] = await index.search([vector], { k: HITS });
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

async function indexOf(width: number, vectors: Float32Array): Promise<VectorIndex> {
  const index = exactIndex({ width });
  const rows = Array.from({ length: vectors.length / width }, (_, i) => ({
    id: `${i}`,
    vector: vectors.subarray(i * width, (i + 1) * width),
  }));
  await index.upsert(rows);
  return index;
}

const nameOf = ({ words }: EmojiDrawing['concept']) => words.en!.name;

const sized = (height: number, width: number): ImageSize => ({
  height,
  width,
  channels: 3,
  fit: 'contain',
});
