import { readFile } from 'node:fs/promises';
import { decodeImage, type Emoji, type EmojiDrawing, emoji } from '@chainrule/data/node';
import { exactIndex } from '@chainrule/retrieval';
import { ChainruleError } from '@chainrule/tensor';
import type { DualEncoder, DualEncoderParams } from '@chainrule/trainer';
import * as tf from '@tensorflow/tfjs-core';
import type { Terminal } from '../terminal.js';
import { type Frozen, SIDE } from './frozen.js';
import { type Heads, projected } from './heads.js';
import { FLAT, type MaterialOptions, someOf } from './material.js';
import type { Search } from './prompt.js';
import { composed } from './query.js';

const HITS = 10;

/** The model as a whole, for queries, and its heads, for the gallery's rows. */
interface Searched {
  readonly model: DualEncoder;
  readonly params: DualEncoderParams;
  readonly heads: Heads;
}

/** The drawings that the prompt searches: all of one artist. */
export async function openGallery(
  { concepts }: MaterialOptions,
  out: Terminal,
  signal: AbortSignal,
): Promise<{ readonly data: Emoji; readonly gallery: readonly EmojiDrawing[] }> {
  const data = await emoji({ artists: [FLAT], size: SIDE, log: out.live, signal });
  return { data, gallery: someOf(data, concepts) };
}

/** Opens a gallery of drawings, and their names, to search. */
export async function openSearch(
  { model, params, heads }: Searched,
  frozen: Frozen,
  { concepts }: Pick<Emoji, 'concepts'>,
  gallery: readonly EmojiDrawing[],
): Promise<Search> {
  const names = concepts.map(({ name }) => name);
  const pictures = await indexOf(
    await projected(heads, 'image', await frozen.imageRows('the gallery', gallery)),
  );
  const texts = await indexOf(await projected(heads, 'text', await frozen.textRows(names)));
  const { tokenizer } = frozen.text;

  async function ofText(text: string): Promise<Float32Array> {
    const ids = tokenizer.encode(text);
    return vector(() => model.embed(params, 'text', tf.tensor2d(ids, [1, ids.length], 'int32')));
  }
  async function ofFile(file: string): Promise<Float32Array> {
    const bytes = await readFile(file).catch((cause: Error) => {
      throw new ChainruleError(
        'IMAGE',
        `retrieval: can not read ${file}: ${cause.message}; give the path of a picture`,
        { cause },
      );
    });
    const pixels = await decodeImage(bytes, file, {
      height: SIDE,
      width: SIDE,
      channels: 3,
      fit: 'contain',
    });
    const values = Float32Array.from(pixels, (byte) => byte / 255);
    return vector(() => model.embed(params, 'image', tf.tensor4d(values, [1, SIDE, SIDE, 3])));
  }

  return async ({ texts: asked, files, wanted }) => {
    const parts = await Promise.all([...files.map(ofFile), ...asked.map(ofText)]);
    const index = wanted === 'names' ? texts : pictures;
    const [found] = await index.search([composed(parts)], { k: HITS });
    return found!.map(({ id, similarity }) => {
      const concept = wanted === 'names' ? concepts[Number(id)]! : gallery[Number(id)]!.concept;
      const artist = wanted === 'names' ? '' : gallery[Number(id)]!.artist;
      return { emoji: emojiOf(concept.id), name: concept.name, artist, similarity };
    });
  };
}

async function vector(make: () => tf.Tensor2D): Promise<Float32Array> {
  const made = tf.tidy(make);
  const values = await made.data<'float32'>();
  made.dispose();
  return values;
}

async function indexOf(vectors: readonly Float32Array[]) {
  const index = exactIndex({ width: vectors[0]!.length });
  await index.upsert(vectors.map((vector, i) => ({ id: `${i}`, vector })));
  return index;
}

/** `1f40a` → 🐊. */
function emojiOf(id: string): string {
  return String.fromCodePoint(...id.split('-').map((point) => Number.parseInt(point, 16)));
}
