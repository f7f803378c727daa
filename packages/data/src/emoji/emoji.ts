import { join } from 'node:path';
import { ChainruleError } from '@chainrule/tensor';
import { z } from 'zod';
import { cacheFolder } from '../cache.js';
import { type Background, type Drawing, drawing, drawings } from '../drawings.js';
import { computed } from '../sealed.js';
import { artistFiles, artistImages, type FetchOptions, wordFiles } from './artist-files.js';
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
import { conceptId, type IconSet, iconSet } from './icon-set.js';

/** Raise this when concepts or words come out otherwise, so that cached ones are made anew. */
const FORMAT = 1;

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
export interface EmojiDrawing extends Drawing {
  readonly artist: EmojiArtist;
  readonly concept: EmojiConcept;
}

/** A drawing that is in a package but can not be shown. */
export interface SkippedDrawing {
  readonly artist: EmojiArtist;
  readonly concept: string;
  readonly reason: string;
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
  /** Default: all seven. `[]` for concepts and words without drawings. */
  readonly artists?: readonly EmojiArtist[];
  /** Of names and keywords, the first of which is the main one; `EMOJI_LANGUAGES` lists all 28. Default `['en']`. */
  readonly languages?: readonly string[];
  /** Height and width of a drawing in pixels, 8 … 512. Default 96. */
  readonly size?: number;
  /** What shows through where a drawing is transparent: red, green, blue, 0 … 255. Default white. */
  readonly background?: Background;
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
  if (languages.length === 0) {
    throw new ChainruleError(
      'DATA_OPTIONS',
      'data.emoji: languages must be one or more, got none; leave it out for English',
    );
  }
  const fetching = { log, signal };
  const rows = await conceptRows(fetching);
  const words = await wordsOf(languages, fetching);
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
    const { version, sha256 } = ARTISTS[artist];
    const drawn = await drawings({
      file: ['emoji', `${artist}-${version}`],
      key: `${sha256} ${rows.length}`,
      what: `emoji by ${artist}`,
      sources: () => artistImages(artist, rows, size, fetching),
      size,
      ...fetching,
    });
    skipped.push(...drawn.skipped.map(({ id, reason }) => ({ artist, concept: id, reason })));
    const own = concepts
      .filter(({ id }) => drawn.places.has(id))
      .map((concept) => ({
        ...drawing(`emoji/${artist}/${concept.id}`, drawn, concept.id, background),
        artist,
        concept,
      }));
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

/** The concepts: from the cache, or else found in the packages of all sets of icons. */
async function conceptRows(options: FetchOptions): Promise<readonly ConceptRow[]> {
  const path = join(cacheFolder(), 'emoji', 'concepts.json');
  const hashes = ICON_ARTISTS.map((artist) => ARTISTS[artist].sha256);
  const key = JSON.stringify([FORMAT, WORDS.sha256, ...hashes]);
  return computed(path, key, options.log, async () => {
    const [words, groups] = await wordFiles(['en/data.json', 'meta/groups.json'], options);
    const sets: { [artist: string]: IconSet } = {};
    for (const artist of ICON_ARTISTS) sets[artist] = iconSet(await artistFiles(artist, options));
    return findConcepts(words, groups, sets as IconSets);
  });
}

const wordsSchema = z.array(
  z.object({ hexcode: z.string(), label: z.string(), tags: z.array(z.string()).default([]) }),
);

/** By language, by concept. */
async function wordsOf(
  languages: readonly string[],
  options: FetchOptions,
): Promise<{ readonly [language: string]: ReadonlyMap<string, EmojiWords> }> {
  const folder = join(cacheFolder(), 'emoji');
  const key = JSON.stringify([FORMAT, WORDS.sha256]);
  const all: { [language: string]: ReadonlyMap<string, EmojiWords> } = {};
  for (const language of languages) {
    const rows = await computed(
      join(folder, `words-${language}.json`),
      key,
      options.log,
      async () => {
        const [words] = await wordFiles([`${language}/compact.json`], options);
        return wordsSchema
          .parse(words)
          .map(({ hexcode, label, tags }): [string, EmojiWords] => [
            conceptId(hexcode),
            { name: label, keywords: tags },
          ]);
      },
    );
    all[language] = new Map(rows);
  }
  return all;
}
