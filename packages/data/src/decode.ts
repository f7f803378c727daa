import { readFile } from 'node:fs/promises';
import { ChainruleError } from '@chainrule/tensor';
import sharp, { type SharpOptions } from 'sharp';
import type { ImageSize, ImageSource } from './image.js';

export interface DecodeOptions {
  /** Images with more pixels are refused before they are decoded. Default 64 million. */
  readonly maxPixels?: number;
}

/** Points per inch at which one SVG unit is one pixel. */
const SVG_DENSITY = 72;
const SECONDS = 60;

/**
 * Decodes a PNG, JPEG, WebP or SVG image and resizes it: `height · width · channels` bytes, row by
 * row, channels interleaved.
 *
 * Transparency is laid on white, EXIF orientation is applied, of an animation the first frame is
 * taken, an SVG is drawn at the size asked for. An SVG can not load other files.
 *
 * @param name Says in error messages which image is meant.
 * @throws ChainruleError `DATA_IMAGE` where the image is damaged, cut short, of another format or
 * too large.
 * @example
 * const pixels = await decodeImage(await readFile('cat.jpg'), 'cat.jpg', {
 *   height: 64, width: 64, channels: 3, fit: 'cover',
 * });
 */
export async function decodeImage(
  bytes: Uint8Array,
  name: string,
  size: ImageSize,
  { maxPixels = 64e6 }: DecodeOptions = {},
): Promise<Uint8Array> {
  const format = formatOf(bytes);
  if (format === undefined) {
    throw fail(name, 'is not a PNG, JPEG, WebP or SVG image; convert it to one of these');
  }
  try {
    const limits = { limitInputPixels: maxPixels, failOn: 'warning' } as const;
    const density = format === 'svg' ? await svgDensity(bytes, size, limits) : undefined;
    const { data, info } = await sharp(bytes, { ...limits, ...(density && { density }) })
      .timeout({ seconds: SECONDS })
      .autoOrient()
      .flatten({ background: 'white' })
      .resize(size.width, size.height, { fit: size.fit, background: 'white' })
      .toColourspace(size.channels === 1 ? 'b-w' : 'srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== size.channels) {
      throw new Error(`decoded to ${info.channels} channels instead of ${size.channels}`);
    }
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  } catch (cause) {
    const reason = (cause as Error).message.trim().split('\n').join(' ');
    if (/pixel limit/i.test(reason)) {
      throw fail(
        name,
        `has more than the allowed ${maxPixels} pixels; make it smaller or raise maxPixels`,
        cause,
      );
    }
    throw fail(name, `can not be decoded as ${format.toUpperCase()}: ${reason}`, cause);
  }
}

/** An image file as the source of a data set's image. It is read when a loader asks for it. */
export function imageFile(path: string, name: string, options?: DecodeOptions): ImageSource {
  return {
    id: path,
    async read(size) {
      const bytes = await readFile(path).catch((cause: unknown) => {
        throw fail(name, `can not be read: ${(cause as Error).message}`, cause);
      });
      return decodeImage(bytes, name, size, options);
    },
  };
}

/** Decoded pixels at another size. */
export async function resizePixels(
  pixels: Uint8Array,
  from: Pick<ImageSize, 'height' | 'width' | 'channels'>,
  to: ImageSize,
): Promise<Uint8Array> {
  const { height, width, channels } = from;
  const resized = await sharp(pixels, { raw: { height, width, channels } })
    .resize(to.width, to.height, { fit: to.fit, background: 'white' })
    .toColourspace(to.channels === 1 ? 'b-w' : 'srgb')
    .raw()
    .toBuffer();
  return new Uint8Array(resized.buffer, resized.byteOffset, resized.byteLength);
}

/** Small drawings are drawn large, instead of drawn small and blown up. */
async function svgDensity(bytes: Uint8Array, size: ImageSize, limits: SharpOptions) {
  const { width, height } = await sharp(bytes, { ...limits, density: SVG_DENSITY }).metadata();
  const scale = Math.max(size.width / width, size.height / height);
  return Math.min(Math.max(SVG_DENSITY * scale, 1), 100_000);
}

/**
 * The format, by the file's first bytes. Deciding it here keeps other decoders that libvips may
 * have out of reach of hostile files.
 */
function formatOf(bytes: Uint8Array): 'png' | 'jpeg' | 'webp' | 'svg' | undefined {
  const head = Buffer.from(bytes.subarray(0, 4096)).toString('latin1');
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (head.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (head.startsWith('RIFF') && head.startsWith('WEBP', 8)) return 'webp';
  if (/^(?:\xef\xbb\xbf)?\s*</.test(head) && /<svg[\s>]/.test(head)) return 'svg';
  return undefined;
}

function fail(name: string, problem: string, cause?: unknown): ChainruleError {
  return new ChainruleError('DATA_IMAGE', `data.image: ${name} ${problem}`, { cause });
}
