import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { ChainruleError } from '@chainrule/tensor';
import sharp from 'sharp';
import { cacheFolder } from './cache.js';
import { resizePixels } from './decode.js';
import type { ImageSize, ImageSource } from './image.js';
import { readSealed, writeSealed } from './sealed.js';

const compress = promisify(deflateRaw);
const decompress = promisify(inflateRaw);
/** Raise this when drawings come out otherwise, so that cached ones are made anew. */
const FORMAT = 1;
const WORKERS = 16;

/** A set's drawings at one size: RGBA pixels, not premultiplied, each deflated on its own. */
export interface Drawings {
  readonly size: number;
  /** By id, where in `bytes` the drawing lies. */
  readonly places: ReadonlyMap<string, readonly [start: number, end: number]>;
  readonly bytes: Uint8Array;
  /** What is there but can not be shown. */
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
}

interface Header {
  readonly places: readonly (readonly [string, number, number])[];
  readonly skipped: Drawings['skipped'];
}

export interface DrawOptions {
  /** The file in the cache: a folder and a name. */
  readonly file: readonly [folder: string, name: string];
  /** What the drawings are made from, beside their size. */
  readonly key: string;
  /** Such as `emoji by noto`. */
  readonly what: string;
  /** Image files by id, wanted where nothing is cached. */
  readonly sources: () => Promise<ReadonlyMap<string, Uint8Array>>;
  readonly size: number;
  readonly log?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The drawings of a set: from the cache, or else drawn (seconds) and then cached.
 *
 * @throws ChainruleError `DATA_OPTIONS` where the size is not an integer of 8 … 512.
 */
export async function drawings(options: DrawOptions): Promise<Drawings> {
  const { what, size, log, signal } = options;
  if (!Number.isInteger(size) || size < 8 || size > 512) {
    throw new ChainruleError(
      'DATA_OPTIONS',
      `data.${options.file[0]}: size must be an integer of 8 … 512, got ${size}`,
    );
  }
  const path = join(cacheFolder(), options.file[0], `${options.file[1]}-${size}.rgba`);
  const key = JSON.stringify([FORMAT, sharp.versions.sharp, options.key]);
  const cached = await readSealed<Header>(path, key);
  if (cached !== undefined) return opened(cached, size);

  const files = [...(await options.sources())];
  const title = `drawing ${files.length} ${what} at ${size}x${size}`;
  log?.(title);
  let lastReport = Date.now();
  const deflated: (Uint8Array | undefined)[] = [];
  const skipped: { id: string; reason: string }[] = [];
  let next = 0;
  const worker = async () => {
    while (next < files.length) {
      signal?.throwIfAborted();
      const place = next++;
      const [id, file] = files[place]!;
      const drawn = await render(file, size).catch((error: Error) => error);
      if (drawn instanceof Error) {
        skipped.push({ id, reason: drawn.message.trim().split('\n').join(' ') });
      } else if (isEmpty(drawn)) {
        skipped.push({ id, reason: 'nothing is to be seen' });
      } else {
        deflated[place] = await compress(drawn);
      }
      if (Date.now() - lastReport > 2000) {
        lastReport = Date.now();
        log?.(`${title}: ${place + 1} done`);
      }
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
  if (skipped.length > 0) log?.(`${skipped.length} ${what} can not be drawn`);

  let end = 0;
  const places = files.flatMap(([id], i): Header['places'] => {
    const start = end;
    end += deflated[i]?.length ?? 0;
    return deflated[i] === undefined ? [] : [[id, start, end]];
  });
  const body = Buffer.concat(deflated.filter((one) => one !== undefined));
  const sealed = { header: { places, skipped }, body };
  // A cache that is read only costs time, not the data.
  await writeSealed(path, key, sealed).catch((error: Error) => log?.(error.message));
  return opened(sealed, size);
}

function opened(
  { header, body }: { readonly header: Header; readonly body: Uint8Array },
  size: number,
): Drawings {
  const places = new Map(header.places.map(([id, start, end]) => [id, [start, end] as const]));
  return { size, places, bytes: body, skipped: header.skipped };
}

/** A drawing as an image source, laid on a background. */
export interface Drawing extends ImageSource {
  /** Red, green, blue and opacity, `size · size · 4` bytes. */
  rgba(): Promise<Uint8Array>;
}

export type Background = readonly [red: number, green: number, blue: number];

/** @param place The drawing's id among `drawings`. */
export function drawing(
  id: string,
  { places, bytes, size }: Drawings,
  place: string,
  background: Background,
): Drawing {
  const [start, end] = places.get(place)!;
  const rgba = async () => new Uint8Array(await decompress(bytes.subarray(start, end)));
  const own: ImageSize = { height: size, width: size, channels: 3, fit: 'fill' };
  return {
    id,
    rgba,
    async read(wanted) {
      const pixels = flatten(await rgba(), background);
      const { height, width, channels } = wanted;
      if (height === size && width === size && channels === 3) return pixels;
      return resizePixels(pixels, own, wanted);
    },
  };
}

/** RGBA laid on a colour, as RGB. */
function flatten(rgba: Uint8Array, background: Background): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    const alpha = rgba[from + 3]! / 255;
    for (let c = 0; c < 3; c++) {
      rgb[to++] = Math.round(alpha * rgba[from + c]! + (1 - alpha) * background[c]!);
    }
  }
  return rgb;
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
