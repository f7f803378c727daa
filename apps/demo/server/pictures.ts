import { decodeImage } from '@chainrule/data/node';
import { isChainruleError } from '@chainrule/tensor';
import { SIDE } from '../src/lab/sizes.js';
import { Refusal } from './problems.js';

/** Most bytes of an uploaded picture. */
export const PICTURE_BYTES = 4 * 2 ** 20;
/** Most pixels it may have once it is decoded. */
const PIXELS = 16e6;
/** Decoded at a time; each may take tens of megabytes. */
const DECODERS = 2;
/** Uploads that may wait for one of them. */
const WAITING = 16;

let busy = 0;
const waiting: (() => void)[] = [];

interface PixelOptions {
  /** Height and width; default 64×64. */
  readonly size?: readonly [height: number, width: number];
  /** Default `cover`: the middle is cut out. */
  readonly fit?: 'cover' | 'contain';
}

/** The RGB pixels of an uploaded PNG, JPEG or WebP at the size that a model takes. */
export async function pixelsOf(
  bytes: Uint8Array,
  { size: [height, width] = [SIDE, SIDE], fit = 'cover' }: PixelOptions = {},
): Promise<Uint8ClampedArray> {
  // Drawings in SVG are programs of a kind; strangers' ones are not run here.
  if (bytes.length === 0 || isText(bytes)) {
    throw new Refusal(415, 'send a PNG, a JPEG or a WebP picture');
  }
  if (busy >= DECODERS) {
    if (waiting.length >= WAITING) {
      throw new Refusal(503, 'too many pictures are waiting; come again', { 'retry-after': '1' });
    }
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
  busy += 1;
  try {
    const size = { height, width, channels: 3, fit } as const;
    const pixels = await decodeImage(bytes, 'the picture', size, { maxPixels: PIXELS });
    return new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, pixels.length);
  } catch (error) {
    if (!isChainruleError(error)) throw error;
    throw new Refusal(422, error.message.replace(/^data\.image: /, ''));
  } finally {
    busy -= 1;
    waiting.shift()?.();
  }
}

/** Only a text can be an SVG, and the formats that are taken do not begin like one. */
const isText = (bytes: Uint8Array) => [0x3c, 0x20, 0x09, 0x0a, 0x0d, 0xef].includes(bytes[0]!);
