import { ChainruleError } from '@chainrule/tensor';
import type { ImageSize, ImageSource } from './image.js';

/**
 * Reads images at one size and keeps what had to be decoded, up to `cacheBytes`. Images beyond that
 * are decoded anew in every epoch.
 */
export function imageReader(
  sources: readonly ImageSource[],
  size: ImageSize,
  cacheBytes: number,
): (id: number) => Uint8Array | Promise<Uint8Array> {
  const bytes = size.height * size.width * size.channels;
  const kept = new Map<number, Uint8Array | Promise<Uint8Array>>();
  let room = Math.floor(cacheBytes / bytes);

  const check = (id: number, pixels: Uint8Array): Uint8Array => {
    if (pixels.length === bytes) return pixels;
    throw new ChainruleError(
      'DATA_IMAGE',
      `data.loader: image "${sources[id]!.id}" must have ${size.height}x${size.width}x${size.channels} = ${bytes} bytes, got ${pixels.length}`,
    );
  };
  return (id) => {
    const known = kept.get(id);
    if (known !== undefined) return known;
    const read = sources[id]!.read(size);
    // What comes at once is in memory already.
    if (read instanceof Uint8Array) return check(id, read);
    const decoded = read.then(
      (pixels) => {
        check(id, pixels);
        if (room > 0) {
          room--;
          kept.set(id, pixels);
        } else {
          kept.delete(id);
        }
        return pixels;
      },
      (error: unknown) => {
        kept.delete(id);
        throw error;
      },
    );
    // Two batches under way may want the same image: it is decoded once.
    kept.set(id, decoded);
    return decoded;
  };
}
