import { join } from 'node:path';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { ChainruleError } from '@chainrule/tensor';
import { z } from 'zod';
import { cacheFolder } from '../cache.js';
import { resizePixels } from '../decode.js';
import type { ImageSize, ImageSource } from '../image.js';
import { npmDownload, packageFiles } from '../npm.js';
import { readSealed, writeSealed } from '../sealed.js';
import {
  ARTISTS,
  checkNames,
  EMOJI_ARTISTS,
  EMOJI_LANGUAGES,
  type EmojiArtist,
  type EmojiLicence,
  WORDS,
} from './artists.js';
import { type ConceptRow, findConcepts, ICON_ARTISTS, type IconSets } from './concepts.js';
import { type Drawings, drawingsOf, filesOf, type SkippedDrawing } from './drawings.js';
import { conceptId, type IconSet, iconSet } from './icon-set.js';

/** Raise this when concepts or words come out otherwise, so that cached ones are made anew. */
const FORMAT = 1;
const inflate = promisify(inflateRaw);

/** What an emoji means, whoever draws it. */
export interface EmojiConcept extends Omit<ConceptRow, 'icons'> {
  /** Its place in the list of concepts. */
  readonly index: number;
  /** By language. */
  readonly words: { readonly [language: string]: EmojiWords };
}

export interface EmojiWords {
  readonly name: string;
  readonly keywords: readonly string[];
}

/** One artist's drawing of one concept. As an image source it is laid on the background. */
export interface EmojiDrawing extends ImageSource {
  readonly artist: EmojiArtist;
  readonly concept: EmojiConcept;
  /** Red, green, blue and opacity, `size · size · 4` bytes. */
  rgba(): Promise<Uint8Array>;
}

export interface Emoji {
  /** In Unicode's order. */
  readonly concepts: readonly EmojiConcept[];
  readonly artists: readonly EmojiArtist[];
  readonly languages: readonly string[];
  /** Height and width that drawings were made with. */
  readonly size: number;
  /** All drawings, by artist and then by concept. */
  readonly drawings: readonly EmojiDrawing[];
  /** An artist's drawing of a concept (by its id); undefined where there is none. */
  drawing(artist: EmojiArtist, concept: string): EmojiDrawing | undefined;
  /** Drawings that are in a package but can not be shown. */
  readonly skipped: readonly SkippedDrawing[];
  /** Of all packages that were used, by name. */
  readonly licences: { readonly [packageName: string]: EmojiLicence };
}

export interface EmojiOptions {
  /** Default: all seven. */
  readonly artists?: readonly EmojiArtist[];
  /** Of names and keywords; `EMOJI_LANGUAGES` lists all 28. Default `['en']`. */
  readonly languages?: readonly string[];
  /** Height and width of a drawing in pixels, 8 … 512. Default 96. */
  readonly size?: number;
  /** What shows through where a drawing is transparent: red, green, blue, 0 … 255. Default white. */
  readonly background?: readonly [red: number, green: number, blue: number];
  /** Receives a line on what takes time: fetching, drawing. */
  readonly log?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Emoji as six artists draw them (one of them in two styles): 1,594 concepts, the ones that Twemoji,
 * Noto, OpenMoji and Fluent all draw, with names and keywords in 28 languages, groups and subgroups.
 *
 * The first call fetches npm packages (17 MB without `fluent-3d`, 32 MB with it), and draws what is
 * asked for: 10,000 pictures in about half a minute. Packages and drawings are cached in
 * {@link cacheFolder}, the packages checked by a pinned SHA-256, and need no network afterwards.
 * Without variation selectors and skin tones. `licences` says whom to name where you show them.
 *
 * @throws ChainruleError `DATA_OPTIONS` for an unknown artist or language, or a size out of bounds;
 * `DATA_DOWNLOAD` without network and cache, `DATA_CHECKSUM` for a damaged package.
 * @example
 * const { drawings } = await emoji({ artists: ['twemoji', 'noto'], languages: ['en', 'de'] });
 * drawings[0]; // { artist: 'twemoji', concept: { id: '1f600', name: 'grinning face', … }, … }
 */
export async function emoji(options: EmojiOptions = {}): Promise<Emoji> {
  const { artists = EMOJI_ARTISTS, languages = ['en'], size = 96, log, signal } = options;
  const { background = [255, 255, 255] } = options;
  checkNames('artists', artists, EMOJI_ARTISTS);
  checkNames('languages', languages, EMOJI_LANGUAGES);
  if (!Number.isInteger(size) || size < 8 || size > 512) {
    throw new ChainruleError(
      'DATA_OPTIONS',
      `data.emoji: size must be an integer of 8 … 512, got ${size}`,
    );
  }
  const rows = await conceptRows(log, signal);
  const words = await wordsOf(languages, log, signal);
  const concepts = rows.map(
    ({ icons, ...row }, index): EmojiConcept => ({
      ...row,
      index,
      words: Object.fromEntries(
        languages.map((language) => [
          language,
          words[language]!.get(row.id) ?? { name: row.name, keywords: [] },
        ]),
      ),
    }),
  );
  const byArtist = new Map<EmojiArtist, Map<string, EmojiDrawing>>();
  const skipped: SkippedDrawing[] = [];
  for (const artist of artists) {
    const drawn = await drawingsOf(artist, rows, { size, log, signal });
    skipped.push(...drawn.skipped);
    const own = concepts
      .filter(({ id }) => drawn.places.has(id))
      .map((concept) => drawing(artist, concept, drawn, size, background));
    byArtist.set(artist, new Map(own.map((one) => [one.concept.id, one])));
  }
  const used = [WORDS, ...artists.map((artist) => ARTISTS[artist])];
  return {
    concepts,
    artists,
    languages,
    size,
    drawings: artists.flatMap((artist) => [...byArtist.get(artist)!.values()]),
    drawing: (artist, concept) => byArtist.get(artist)?.get(concept),
    skipped,
    licences: Object.fromEntries(used.map(({ name, licence }) => [name, licence])),
  };
}

function drawing(
  artist: EmojiArtist,
  concept: EmojiConcept,
  { places, bytes }: Drawings,
  size: number,
  background: readonly [number, number, number],
): EmojiDrawing {
  const [start, end] = places.get(concept.id)!;
  const rgba = async () => new Uint8Array(await inflate(bytes.subarray(start, end)));
  return {
    id: `emoji/${artist}/${concept.id}`,
    artist,
    concept,
    rgba,
    async read(wanted) {
      const pixels = flatten(await rgba(), background);
      const own: ImageSize = { height: size, width: size, channels: 3, fit: 'fill' };
      const { height, width, channels } = wanted;
      if (height === size && width === size && channels === 3) return pixels;
      return resizePixels(pixels, own, wanted);
    },
  };
}

/** RGBA laid on a colour, as RGB. */
function flatten(rgba: Uint8Array, background: readonly [number, number, number]): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    const alpha = rgba[from + 3]! / 255;
    for (let c = 0; c < 3; c++) {
      rgb[to++] = Math.round(alpha * rgba[from + c]! + (1 - alpha) * background[c]!);
    }
  }
  return rgb;
}

type Log = EmojiOptions['log'];

/** The concepts: from the cache, or else found in the packages of all sets of icons. */
async function conceptRows(log: Log, signal?: AbortSignal): Promise<readonly ConceptRow[]> {
  const path = join(cacheFolder(), 'emoji', 'concepts.json');
  const hashes = ICON_ARTISTS.map((artist) => ARTISTS[artist].sha256);
  const key = JSON.stringify([FORMAT, WORDS.sha256, ...hashes]);
  return computed(path, key, log, async () => {
    const [words, groups] = await wordFiles(['en/data.json', 'meta/groups.json'], log, signal);
    const sets: { [artist: string]: IconSet } = {};
    for (const artist of ICON_ARTISTS) sets[artist] = iconSet(await filesOf(artist, log, signal));
    return findConcepts(words, groups, sets as IconSets);
  });
}

const wordsSchema = z.array(
  z.object({ hexcode: z.string(), label: z.string(), tags: z.array(z.string()).default([]) }),
);

/** By language, by concept. */
async function wordsOf(
  languages: readonly string[],
  log: Log,
  signal?: AbortSignal,
): Promise<{ readonly [language: string]: ReadonlyMap<string, EmojiWords> }> {
  const folder = join(cacheFolder(), 'emoji');
  const key = JSON.stringify([FORMAT, WORDS.sha256]);
  const all: { [language: string]: ReadonlyMap<string, EmojiWords> } = {};
  for (const language of languages) {
    const rows = await computed(join(folder, `words-${language}.json`), key, log, async () => {
      const [words] = await wordFiles([`${language}/compact.json`], log, signal);
      return wordsSchema
        .parse(words)
        .map(({ hexcode, label, tags }): [string, EmojiWords] => [
          conceptId(hexcode),
          { name: label, keywords: tags },
        ]);
    });
    all[language] = new Map(rows);
  }
  return all;
}

/** A small result: from the cache, or else computed and then cached. */
async function computed<T>(
  path: string,
  key: string,
  log: Log,
  compute: () => Promise<T>,
): Promise<T> {
  const cached = await readSealed<T>(path, key);
  if (cached !== undefined) return cached.header;
  const header = await compute();
  // A cache that is read only costs time, not the data.
  await writeSealed(path, key, { header, body: new Uint8Array() }).catch((error: Error) =>
    log?.(error.message),
  );
  return header;
}

async function wordFiles(
  names: readonly string[],
  log: Log,
  signal?: AbortSignal,
): Promise<unknown[]> {
  const { megabytes, licence } = WORDS;
  const tarball = await npmDownload({
    ...WORDS,
    signal,
    onFetch: (message) => log?.(`${message} (${megabytes} MB, ${licence.name}, ${licence.holder})`),
  });
  const files = await packageFiles(tarball, WORDS.name, (path) => names.includes(path));
  return names.map((name) => JSON.parse(Buffer.from(files.get(name)!).toString('utf8')));
}
