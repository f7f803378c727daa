import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import sharp from 'sharp';
import { cacheFolder } from '../cache.js';
import { npmDownload, packageFiles } from '../npm.js';
import { readSealed, writeSealed } from '../sealed.js';
import { ARTISTS, type EmojiArtist } from './artists.js';
import type { ConceptRow } from './concepts.js';
import { conceptId, iconSet, iconSvg } from './icon-set.js';

const compress = promisify(deflateRaw);
/** Raise this when drawings come out otherwise, so that cached ones are made anew. */
const FORMAT = 1;
const WORKERS = 16;

/** An artist's drawings at one size: RGBA pixels, not premultiplied, each deflated on its own. */
export interface Drawings {
  /** By concept, where in `bytes` its drawing lies. */
  readonly places: ReadonlyMap<string, readonly [start: number, end: number]>;
  readonly bytes: Uint8Array;
  readonly skipped: readonly SkippedDrawing[];
}

/** A drawing that is in the package but can not be shown. */
export interface SkippedDrawing {
  readonly artist: EmojiArtist;
  readonly concept: string;
  readonly reason: string;
}

interface Header {
  readonly places: readonly (readonly [string, number, number])[];
  readonly skipped: readonly SkippedDrawing[];
}

export interface DrawOptions {
  readonly size: number;
  readonly log: ((line: string) => void) | undefined;
  readonly signal: AbortSignal | undefined;
}

/** An artist's drawings of the concepts: from the cache, or else drawn (seconds) and then cached. */
export async function drawingsOf(
  artist: EmojiArtist,
  concepts: readonly ConceptRow[],
  { size, log, signal }: DrawOptions,
): Promise<Drawings> {
  const wanted = ARTISTS[artist];
  const path = join(cacheFolder(), 'emoji', `${artist}-${wanted.version}-${size}.rgba`);
  const key = JSON.stringify([FORMAT, wanted.sha256, size, sharp.versions.sharp, concepts.length]);
  const cached = await readSealed<Header>(path, key);
  if (cached !== undefined) return opened(cached);

  const files = await sources(artist, concepts, size, log, signal);
  const own = concepts.filter(({ id }) => files.has(id));
  const title = `drawing ${own.length} emoji by ${artist} at ${size}x${size}`;
  log?.(title);
  let lastReport = Date.now();
  const deflated: Uint8Array[] = [];
  const skipped: SkippedDrawing[] = [];
  let next = 0;
  const worker = async () => {
    while (next < own.length) {
      signal?.throwIfAborted();
      const place = next++;
      const { id } = own[place]!;
      const reason = await render(files.get(id)!, size).then(
        async (pixels) => {
          if (isEmpty(pixels)) return 'nothing is to be seen';
          deflated[place] = await compress(pixels);
          return undefined;
        },
        (error: Error) => error.message.trim().split('\n').join(' '),
      );
      if (reason !== undefined) skipped.push({ artist, concept: id, reason });
      if (Date.now() - lastReport > 2000) {
        lastReport = Date.now();
        log?.(`${title}: ${place + 1} done`);
      }
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
  if (skipped.length > 0) log?.(`${skipped.length} emoji by ${artist} can not be drawn`);

  let end = 0;
  const places = own.flatMap(({ id }, i): Header['places'] => {
    const start = end;
    if (deflated[i] === undefined) return [];
    end += deflated[i].length;
    return [[id, start, end]];
  });
  const sealed = { header: { places, skipped }, body: Buffer.concat(deflated.filter(Boolean)) };
  // A cache that is read only costs time, not the data.
  await writeSealed(path, key, sealed).catch((error: Error) => log?.(error.message));
  return opened(sealed);
}

function opened({ header, body }: { readonly header: Header; readonly body: Uint8Array }) {
  const places = new Map(header.places.map(([id, start, end]) => [id, [start, end] as const]));
  return { places, bytes: body, skipped: header.skipped };
}

/** The image file of each concept that the artist draws. */
async function sources(
  artist: EmojiArtist,
  concepts: readonly ConceptRow[],
  size: number,
  log: DrawOptions['log'],
  signal: DrawOptions['signal'],
): Promise<Map<string, Uint8Array>> {
  const files = await filesOf(artist, log, signal);
  if (artist === 'fluent-3d') {
    return new Map(
      Array.from(files, ([path, file]) => [conceptId(path.replace(/.*\/|\.webp$/g, '')), file]),
    );
  }
  const set = iconSet(files);
  const drawn = concepts.filter(({ icons }) => icons[artist] !== undefined);
  return new Map(
    drawn.map(({ id, icons }) => [id, Buffer.from(iconSvg(set, icons[artist]!, size))]),
  );
}

/** What is used of an artist's package: the icons with their code points, or the pictures. */
export async function filesOf(
  artist: EmojiArtist,
  log: DrawOptions['log'],
  signal: DrawOptions['signal'],
): Promise<Map<string, Uint8Array>> {
  const wanted = ARTISTS[artist];
  const tarball = await npmDownload({
    ...wanted,
    signal,
    onFetch: (message) =>
      log?.(
        `${message} (${wanted.megabytes} MB, ${wanted.licence.name}, ${wanted.licence.holder})`,
      ),
  });
  return packageFiles(tarball, wanted.name, (path) =>
    artist === 'fluent-3d'
      ? path.endsWith('.webp')
      : path === 'icons.json' || path === 'chars.json',
  );
}

/** RGBA, `size · size · 4` bytes. The picture keeps its shape; what is beside it is transparent. */
async function render(file: Uint8Array, size: number): Promise<Uint8Array> {
  const { data, info } = await sharp(file, { limitInputPixels: 2 ** 24 })
    .timeout({ seconds: 30 })
    .toColourspace('srgb')
    .ensureAlpha()
    .resize(size, size, { fit: 'contain', background: { r: 0, g: 0, b: 0, alpha: 0 } })
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 4) throw new Error(`drawn with ${info.channels} channels instead of 4`);
  return data;
}

function isEmpty(pixels: Uint8Array): boolean {
  for (let i = 3; i < pixels.length; i += 4) if (pixels[i]! > 8) return false;
  return true;
}
