import {
  type Emoji,
  type EmojiArtist,
  type EmojiDrawing,
  type EmojiSplit,
  emoji,
  emojiPairs,
  emojiSplit,
  type IconSetName,
  iconPairs,
  icons,
  unrelatedPairs,
} from '@chainrule/data/node';
import type { Terminal } from '../terminal.js';
import { type Frozen, SIDE } from './frozen.js';
import type { Pair } from './pairs.js';
import { recipes } from './recipes.js';

/** Who draws what the models learn from; the two styles of Fluent are for the tests alone. */
const TRAINED: readonly EmojiArtist[] = ['twemoji', 'noto', 'openmoji', 'noto-v1', 'emojione'];
export const FLAT: EmojiArtist = 'fluent-flat';
export const SOLID: EmojiArtist = 'fluent-3d';
/** Whose icons are learnt from, too. */
const ICONS: readonly IconSetName[] = ['tabler', 'lucide'];
/** Augmented views of each drawing, beside itself. */
const VIEWS = 0;
/** Share of the concepts that task B holds out: 307 of 1,561. */
const HELD_OUT = 307 / 1561;

/** All that is learnt from and tested on, as rows of the frozen encoders. */
export interface Material {
  readonly data: Emoji;
  /** Drawings that take part, of all artists. */
  readonly drawings: readonly EmojiDrawing[];
  /** By a drawing's id: itself, then its augmented views. */
  readonly views: ReadonlyMap<string, readonly Float32Array[]>;
  /** By the number of a concept: its name, then its other captions. */
  readonly captions: ReadonlyMap<number, readonly Float32Array[]>;
  /** Pairs of icons, without those that name something in the test. */
  icons(test: readonly EmojiDrawing[]): readonly Pair[];
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

  const views = new Map<string, Float32Array[]>(drawings.map(({ id }) => [id, []]));
  for (const artist of data.artists) {
    const own = drawings.filter((one) => one.artist === artist);
    const last = TRAINED.includes(artist) ? VIEWS : 0;
    for (let view = 0; view <= last; view++) {
      const what = view === 0 ? artist : `${artist}, view ${view + 1} of ${last + 1}`;
      const rows = await frozen.imageRows(what, own, view);
      own.forEach(({ id }, i) => {
        views.get(id)!.push(rows[i]!);
      });
    }
  }

  const named = emojiPairs(
    data,
    drawings.filter(({ artist }) => artist === TRAINED[0]),
  ).examples;
  // A quick look is to be quick.
  const iconData =
    concepts === undefined && Object.values(recipes).some((recipe) => recipe.icons)
      ? iconPairs((await icons({ sets: ICONS, size: SIDE, log, signal })).icons)
      : undefined;
  const drawn = iconData?.examples ?? [];
  const captionRows = await byText(
    frozen,
    named.flatMap(({ captions }) => captions),
  );
  const iconRows = await byText(
    frozen,
    drawn.map(({ inputs }) => inputs.text),
  );
  const iconViews =
    drawn.length === 0
      ? []
      : await frozen.imageRows(
          'icons',
          drawn.map(({ inputs }) => inputs.image),
        );
  // Icons that are called as a concept are pictures of it, and others have numbers of their own.
  const numbers = new Map(data.concepts.map(({ name, index }) => [name, index]));
  const iconPairsOf = new Map<string, Pair>();
  drawn.forEach(({ inputs: { image, text } }, i) => {
    if (!numbers.has(text)) numbers.set(text, data.concepts.length + numbers.size);
    const concept = numbers.get(text)!;
    iconPairsOf.set(image.id, { views: [iconViews[i]!], texts: [iconRows.get(text)!], concept });
  });

  return {
    data,
    drawings,
    views,
    captions: new Map(
      named.map(({ concept, captions }) => [
        concept.index,
        captions.map((text) => captionRows.get(text)!),
      ]),
    ),
    icons: (test) =>
      iconData === undefined
        ? []
        : unrelatedPairs(iconData, test).examples.map(
            ({ inputs }) => iconPairsOf.get(inputs.image.id)!,
          ),
  };
}

async function byText(
  frozen: Frozen,
  all: readonly string[],
): Promise<ReadonlyMap<string, Float32Array>> {
  const texts = [...new Set(all)];
  const rows = await frozen.textRows(texts);
  return new Map(texts.map((text, i) => [text, rows[i]!]));
}

/** Drawings as pairs with their captions. */
export function pairsOf({ views, captions }: Material, drawings: readonly EmojiDrawing[]): Pair[] {
  return drawings.map(({ id, concept }) => ({
    views: views.get(id)!,
    texts: captions.get(concept.index)!,
    concept: concept.index,
  }));
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
