import { ChainruleError } from '@chainrule/tensor';

/** How large an image comes out, and how it is fitted where its shape differs. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
  /** 3 = red, green, blue; 1 = grey. */
  readonly channels: 1 | 3;
  /** `cover` crops the centre, `contain` adds white bars, `fill` stretches. */
  readonly fit: 'cover' | 'contain' | 'fill';
}

/**
 * An image that can be read at a size. `id` is its identity: two examples with the same `id` share
 * one picture, which is decoded once and encoded once per batch.
 *
 * `read` returns `height · width · channels` bytes, row by row with interleaved channels. A source
 * that has the bytes in memory returns them at once; one that must decode returns a promise, and
 * the loader then keeps the result.
 */
export interface ImageSource {
  readonly id: string;
  read(size: ImageSize): Uint8Array | Promise<Uint8Array>;
}

/**
 * An image whose bytes are in memory already, of one fixed size.
 *
 * @param pixels `height · width · channels` bytes, row by row, channels interleaved, 0 … 255.
 * @throws ChainruleError `DATA_IMAGE` where the number of bytes does not fit the shape, or a loader
 * asks for another size.
 * @example
 * const red = pixelImage('red', new Uint8Array([255, 0, 0]), [1, 1, 3]);
 */
export function pixelImage(
  id: string,
  pixels: Uint8Array,
  [height, width, channels]: readonly [height: number, width: number, channels: 1 | 3],
): ImageSource {
  if (pixels.length !== height * width * channels) {
    throw new ChainruleError(
      'DATA_IMAGE',
      `data.pixelImage: "${id}" must have ${height}x${width}x${channels} = ${height * width * channels} bytes, got ${pixels.length}`,
    );
  }
  return {
    id,
    read(size) {
      if (size.height !== height || size.width !== width || size.channels !== channels) {
        throw new ChainruleError(
          'DATA_IMAGE',
          `data.pixelImage: "${id}" is ${height}x${width}x${channels} and can not be resized, got a request for ${size.height}x${size.width}x${size.channels}; give the loader imageSize: [${height}, ${width}] and channels: ${channels}`,
        );
      }
      return pixels;
    },
  };
}
