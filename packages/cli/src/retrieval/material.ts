import {
  type Emoji,
  type EmojiArtist,
  type EmojiDrawing,
  type EmojiSplit,
  emoji,
  emojiSplit,
} from '@chainrule/data/node';
import type { Terminal } from '../terminal.js';
import { type Frozen, SIDE } from './frozen.js';
import type { Examples } from './heads.js';

/** Who draws what the models learn from; the two styles of Fluent are for the tests alone. */
const TRAINED: readonly EmojiArtist[] = ['twemoji', 'noto', 'openmoji', 'noto-v1', 'emojione'];
export const FLAT: EmojiArtist = 'fluent-flat';
export const SOLID: EmojiArtist = 'fluent-3d';
/** Share of the concepts that task B holds out: 307 of 1,561. */
const HELD_OUT = 307 / 1561;

/** All that is learnt from and tested on, as rows of the frozen encoders. */
export interface Material {
  readonly data: Emoji;
  /** Drawings that take part, of all artists. */
  readonly drawings: readonly EmojiDrawing[];
  /** By a drawing's id. */
  readonly images: ReadonlyMap<string, Float32Array>;
  /** By the number of a concept. */
  readonly names: readonly Float32Array[];
  /** By the number of a concept: the mean of its keywords, or its name where it has none. */
  readonly keywords: readonly Float32Array[];
  /** Widths of the layers that a row of an image consists of. */
  readonly layers: readonly number[];
}

export interface MaterialOptions {
  /** Only so many concepts, for a quick look. */
  readonly concepts?: number | undefined;
}

/** Fetches and draws what is not there yet, and embeds it. */
export async function openMaterial(
  frozen: Frozen,
  { concepts }: MaterialOptions,
  out: Terminal,
  signal: AbortSignal,
): Promise<Material> {
  const log = (text: string) => out.live(text);
  const data = await emoji({ artists: [...TRAINED, FLAT, SOLID], size: SIDE, log, signal });
  const drawings = someOf(data, concepts);
  const images = new Map<string, Float32Array>();
  for (const artist of data.artists) {
    const own = drawings.filter((one) => one.artist === artist);
    const rows = await frozen.imageRows(artist, own);
    own.forEach(({ id }, i) => {
      images.set(id, rows[i]!);
    });
  }
  const names = await frozen.textRows(data.concepts.map(({ name }) => name));
  const keywords = await keywordRows(frozen, data, names);
  return { data, drawings, images, names, keywords, layers: frozen.image.encoder.layers };
}

async function keywordRows(
  frozen: Frozen,
  { concepts }: Emoji,
  names: readonly Float32Array[],
): Promise<Float32Array[]> {
  const own = concepts.map(({ words }) => words.en!.keywords);
  const all = [...new Set(own.flat())];
  const rows = await frozen.textRows(all);
  const rowOf = new Map(all.map((word, i) => [word, rows[i]!]));
  return own.map((words, concept) => {
    if (words.length === 0) return names[concept]!;
    const mean = new Float32Array(names[concept]!.length);
    for (const word of words) {
      rowOf.get(word)!.forEach((x, i) => {
        mean[i]! += x / words.length;
      });
    }
    return mean;
  });
}

/** What heads learn from drawings. */
export function examplesOf(
  { images, names, keywords, layers }: Material,
  drawings: readonly EmojiDrawing[],
): Examples {
  const concepts = [...new Set(drawings.map(({ concept }) => concept.index))];
  const places = new Map(concepts.map((concept, place) => [concept, place]));
  return {
    images: drawings.map(({ id }) => images.get(id)!),
    concepts: drawings.map(({ concept }) => places.get(concept.index)!),
    names: concepts.map((concept) => names[concept]!),
    keywords: concepts.map((concept) => keywords[concept]!),
    layers,
  };
}

/** The splits of the two tasks. */
export function splitOf({ data, drawings }: Material, task: 'A' | 'B', seed: number): EmojiSplit {
  const agreed = drawings.filter(({ artist, concept }) => artist === FLAT && concept.agreed).length;
  return emojiSplit(data, {
    by: task === 'A' ? 'artist' : 'both',
    seed,
    drawings,
    heldOut: [FLAT, SOLID],
    concepts: Math.round(agreed * HELD_OUT),
  });
}

/** All drawings, or those of so many concepts out of all groups. */
export function someOf(
  { concepts, drawings }: Emoji,
  wanted = concepts.length,
): readonly EmojiDrawing[] {
  const step = Math.max(1, concepts.length / wanted);
  return drawings.filter(({ concept }) => Math.floor(concept.index % step) === 0);
}
