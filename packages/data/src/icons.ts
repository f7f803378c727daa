import { basename, join } from 'node:path';
import { ChainruleError } from '@chainrule/tensor';
import { z } from 'zod';
import { cacheFolder } from './cache.js';
import { type Dataset, dataset, type Example } from './dataset.js';
import { type Background, type Drawing, drawing, drawings } from './drawings.js';
import type { ImageSource } from './image.js';
import { npmDownload, packageFiles } from './npm.js';
import { computed } from './sealed.js';

export type IconSetName = 'tabler' | 'lucide' | 'mdi';

/** A picture of one colour, and words for it. */
export interface Icon extends Drawing {
  readonly set: IconSetName;
  /** As words: `arrow up`. */
  readonly name: string;
  readonly tags: readonly string[];
}

export interface Icons {
  readonly icons: readonly Icon[];
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
  readonly licences: { readonly [packageName: string]: string };
}

export interface IconsOptions {
  /** Default: all three. */
  readonly sets?: readonly IconSetName[];
  /** Height and width of a drawing in pixels, 8 … 512. Default 96. */
  readonly size?: number;
  /** What the black lines are drawn on: red, green, blue, 0 … 255. Default white. */
  readonly background?: Background;
  /** Receives a line on what takes time: fetching, drawing. */
  readonly log?: (line: string) => void;
  readonly signal?: AbortSignal;
}

type Tags = { readonly [icon: string]: readonly string[] };

interface IconPackage {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly megabytes: number;
  readonly licence: string;
  /** Where the icons are: `folder/NAME.svg`. */
  readonly folder: string;
  /** The file that has the tags, and how they lie in it. */
  readonly words: string;
  tags(content: unknown): Tags;
}

const listed = z.record(z.string(), z.array(z.string()));
const styled = z.record(
  z.string(),
  // Tabler's tags hold numbers (the icon `number-0`) and here and there nothing.
  z.object({ tags: z.array(z.union([z.string(), z.number(), z.null()])) }),
);
const named = z.array(
  z.object({ name: z.string(), aliases: z.array(z.string()), tags: z.array(z.string()) }),
);

const SETS: { readonly [S in IconSetName]: IconPackage } = {
  tabler: {
    name: '@tabler/icons',
    version: '3.51.0',
    sha256: 'b30108713d3fa60aee862c2a133225da8e0f309be0708fe2925763ff810c766c',
    megabytes: 1.2,
    licence: 'MIT',
    folder: 'icons/outline',
    words: 'icons.json',
    tags: (content) =>
      mapValues(styled.parse(content), ({ tags }) =>
        tags.filter((tag) => tag !== null).map(String),
      ),
  },
  lucide: {
    name: 'lucide-static',
    version: '1.62.0',
    sha256: '386f9080c440d6f5049cefe3456ae8357f7a0c7f76e59670cd1cb83bc7050a44',
    megabytes: 7,
    licence: 'ISC',
    folder: 'icons',
    words: 'tags.json',
    tags: (content) => listed.parse(content),
  },
  mdi: {
    name: '@mdi/svg',
    version: '7.4.47',
    sha256: 'de92e5dc9ce46c392ab5c53aa7190b19f82b40cb48872a083f788c7e13e91fef',
    megabytes: 1.4,
    licence: 'Apache-2.0',
    folder: 'svg',
    words: 'meta.json',
    tags: (content) =>
      Object.fromEntries(
        named
          .parse(content)
          .map(({ name, aliases, tags }) => [name, [...aliases.map(words), ...tags]]),
      ),
  },
};
const NAMES = Object.keys(SETS) as readonly IconSetName[];

/**
 * Icons with names and tags: Tabler (outline), Lucide and Material Design Icons. Extra pairs of pictures and
 * words for contrastive training, or a thing to search.
 *
 * The first call fetches npm packages (10 MB in all) and draws the icons; both are cached as with
 * {@link emoji}.
 *
 * @throws ChainruleError `DATA_OPTIONS` for an unknown set or a size out of bounds; `DATA_DOWNLOAD`
 * without network and cache, `DATA_CHECKSUM` for a damaged package.
 * @example
 * const { icons: all } = await icons({ sets: ['tabler'] });
 * all.find(({ name }) => name === 'camera'); // { set: 'tabler', tags: ['video', 'photo', …], … }
 */
export async function icons(options: IconsOptions = {}): Promise<Icons> {
  const { sets = NAMES, size = 96, background = [255, 255, 255], log, signal } = options;
  const unknown = sets.find((set) => !NAMES.includes(set));
  if (unknown !== undefined || sets.length === 0) {
    throw new ChainruleError(
      'DATA_OPTIONS',
      `data.icons: sets must be one or more of ${NAMES.join(', ')}, got "${unknown ?? ''}"`,
    );
  }
  const all: Icon[] = [];
  const skipped: Icons['skipped'][number][] = [];
  for (const set of sets) {
    const wanted = SETS[set];
    const files = async (filter: (path: string) => boolean) => {
      const tarball = await npmDownload({
        ...wanted,
        signal,
        onFetch: (message) => log?.(`${message} (${wanted.megabytes} MB, ${wanted.licence})`),
      });
      return packageFiles(tarball, wanted.name, filter);
    };
    const file = `${set}-${wanted.version}`;
    const path = join(cacheFolder(), 'icons', `${file}.json`);
    const tags = await computed(path, wanted.sha256, log, async () => {
      const found = await files((path) => path === wanted.words);
      return wanted.tags(JSON.parse(Buffer.from(found.get(wanted.words)!).toString('utf8')));
    });
    const drawn = await drawings({
      file: ['icons', file],
      key: wanted.sha256,
      what: `icons of ${set}`,
      sources: async () => {
        const found = await files(
          (path) => path.startsWith(`${wanted.folder}/`) && path.endsWith('.svg'),
        );
        const entries = Array.from(found, ([path, svg]): [string, Uint8Array] => [
          basename(path, '.svg'),
          sized(svg, size),
        ]);
        // Icons without an entry are there under an old name as well.
        return new Map(entries.filter(([id]) => tags[id]).sort(([a], [b]) => (a < b ? -1 : 1)));
      },
      size,
      log,
      signal,
    });
    skipped.push(...drawn.skipped.map((one) => ({ ...one, id: `icons/${set}/${one.id}` })));
    for (const id of drawn.places.keys()) {
      all.push({
        ...drawing(`icons/${set}/${id}`, drawn, id, background),
        set,
        name: words(id),
        tags: [...new Set(tags[id])],
      });
    }
  }
  const licences = Object.fromEntries(sets.map((set) => [SETS[set].name, SETS[set].licence]));
  return { icons: all, skipped, licences };
}

/** An icon and what it may be called. Equal labels are equal names, in whichever set. */
export interface IconPair extends Example {
  readonly inputs: { readonly image: ImageSource; readonly text: string };
  readonly captions: readonly string[];
  readonly label: string;
  /** The set. */
  readonly kind: string;
}

/**
 * Pairs of an icon and its name, in the form of `emojiPairs`: captions are the name, and the name
 * with its tags. `concat` puts them beside other pairs.
 *
 * @throws ChainruleError `DATA_EMPTY` without icons.
 * @example
 * const pairs = concat('pairs', [emojiPairs(data, train), iconPairs((await icons()).icons)]);
 */
export function iconPairs(all: readonly Icon[]): Dataset<IconPair> {
  return dataset({
    name: 'icons',
    examples: all.map((image) => ({
      inputs: { image, text: image.name },
      captions:
        image.tags.length === 0
          ? [image.name]
          : [image.name, `${image.name}: ${image.tags.join(', ')}`],
      label: `icon/${image.name}`,
      kind: image.set,
    })),
  });
}

/** `arrow-up-a-z` → `arrow up a z`. */
function words(name: string): string {
  return name.replaceAll('-', ' ');
}

/** Drawn at this size, instead of drawn small and blown up. */
function sized(svg: Uint8Array, size: number): Uint8Array {
  const text = Buffer.from(svg).toString('utf8');
  const box = `width="${size}" height="${size}"`;
  const [tag] = /<svg[^>]*>/.exec(text)!;
  const plain = tag.replace(/\s(?:width|height)="[^"]*"/g, '');
  return Buffer.from(text.replace(tag, plain.replace('<svg', `<svg ${box}`)));
}

function mapValues<A, B>(record: { readonly [name: string]: A }, f: (value: A) => B) {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value)]));
}
