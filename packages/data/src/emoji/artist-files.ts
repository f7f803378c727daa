import { npmDownload, packageFiles } from '../npm.js';
import { ARTISTS, type EmojiArtist, type EmojiPackage, WORDS } from './artists.js';
import type { ConceptRow } from './concepts.js';
import { conceptId, iconSet, iconSvg } from './icon-set.js';

export interface FetchOptions {
  readonly log: ((line: string) => void) | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What is used of an artist's package: the icons with their code points, or the pictures. */
export async function artistFiles(
  artist: EmojiArtist,
  options: FetchOptions,
): Promise<Map<string, Uint8Array>> {
  return files(ARTISTS[artist], options, (path) =>
    artist === 'fluent-3d' ? path.endsWith('.webp') : ['icons.json', 'chars.json'].includes(path),
  );
}

/** The image files of the concepts that an artist draws, by concept. */
export async function artistImages(
  artist: EmojiArtist,
  concepts: readonly ConceptRow[],
  size: number,
  options: FetchOptions,
): Promise<Map<string, Uint8Array>> {
  const files = await artistFiles(artist, options);
  if (artist === 'fluent-3d') {
    const byId = new Map(
      Array.from(files, ([path, file]) => [conceptId(path.replace(/.*\/|\.webp$/g, '')), file]),
    );
    return new Map(
      concepts.flatMap(({ id }) => (byId.has(id) ? [[id, byId.get(id)!] as const] : [])),
    );
  }
  const set = iconSet(files);
  const drawn = concepts.filter(({ icons }) => icons[artist] !== undefined);
  return new Map(
    drawn.map(({ id, icons }) => [id, Buffer.from(iconSvg(set, icons[artist]!, size))]),
  );
}

/** JSON files of the package of words. */
export async function wordFiles(
  names: readonly string[],
  options: FetchOptions,
): Promise<unknown[]> {
  const found = await files(WORDS, options, (path) => names.includes(path));
  return names.map((name) => JSON.parse(Buffer.from(found.get(name)!).toString('utf8')));
}

async function files(
  wanted: EmojiPackage,
  { log, signal }: FetchOptions,
  filter: (path: string) => boolean,
): Promise<Map<string, Uint8Array>> {
  const { megabytes, licence } = wanted;
  const tarball = await npmDownload({
    ...wanted,
    signal,
    onFetch: (message) => log?.(`${message} (${megabytes} MB, ${licence.name}, ${licence.holder})`),
  });
  return packageFiles(tarball, wanted.name, filter);
}
