import { columns1, columns4, pack, rows1, rows4 } from './product';

// Stride 1. A window's row is a run of numbers in the padded image, so the image itself, read with
// overlap, is the matrix of windows: nothing is copied but the padding.

/** An image `[height, width, channels]` with zeros around it, `[paddedHeight, paddedWidth, channels]`. */
function padImage(
  from: usize,
  height: i32,
  width: i32,
  channels: i32,
  top: i32,
  left: i32,
  paddedHeight: i32,
  paddedWidth: i32,
  to: usize,
): void {
  const row = (<usize>(width * channels)) << 2;
  const pitch = (<usize>(paddedWidth * channels)) << 2;
  memory.fill(to, 0, pitch * <usize>paddedHeight);
  to += <usize>top * pitch + ((<usize>(left * channels)) << 2);
  for (let y = 0; y < height; y++) {
    memory.copy(to, from, row);
    from += row;
    to += pitch;
  }
}

/**
 * Packs a filter `[filterHeight, filterWidth, inner, outer]`, given by its strides, for
 * {@link convolve}: eight output channels a panel. With `turned`, the window is turned by 180°.
 */
export function packFilter(
  filter: usize,
  filterHeight: i32,
  filterWidth: i32,
  inner: i32,
  outer: i32,
  innerStride: usize,
  outerStride: usize,
  turned: i32,
  to: usize,
): void {
  const places = filterHeight * filterWidth;
  const place = (<usize>(inner * outer)) << 2;
  for (let n = 0; n < outer; n += 8) {
    for (let i = 0; i < places; i++) {
      const source = filter + <usize>(turned ? places - 1 - i : i) * place;
      pack(source + <usize>n * outerStride, innerStride, outerStride, inner, min(8, outer - n), to);
      to += (<usize>inner) << 5;
    }
  }
}

/** Images `from` … `to` of a convolution with a packed filter. `scratch` has room for one padded image. */
export function convolve(
  x: usize,
  from: i32,
  to: i32,
  height: i32,
  width: i32,
  channels: i32,
  top: i32,
  left: i32,
  packed: usize,
  filterHeight: i32,
  filterWidth: i32,
  outHeight: i32,
  outWidth: i32,
  filters: i32,
  y: usize,
  scratch: usize,
): void {
  const paddedHeight = outHeight + filterHeight - 1;
  const paddedWidth = outWidth + filterWidth - 1;
  const pixel = (<usize>channels) << 2;
  const pitch = pixel * <usize>paddedWidth;
  const length = filterWidth * channels;
  const panel = (<usize>(filterHeight * length)) << 5;
  const outPixel = (<usize>filters) << 2;
  for (let image = from; image < to; image++) {
    const source = x + ((<usize>(image * height * width * channels)) << 2);
    padImage(source, height, width, channels, top, left, paddedHeight, paddedWidth, scratch);
    for (let row = 0; row < outHeight; row++) {
      const start = scratch + <usize>row * pitch;
      const out = y + <usize>((image * outHeight + row) * outWidth) * outPixel;
      let weights = packed;
      for (let n = 0; n < filters; n += 8) {
        const columns = min(8, filters - n);
        let c = out + ((<usize>n) << 2);
        let a = start;
        let column = 0;
        for (; column + 4 <= outWidth; column += 4) {
          rows4(a, pixel, filterHeight, length, pitch, weights, c, outPixel, columns);
          a += 4 * pixel;
          c += 4 * outPixel;
        }
        for (; column < outWidth; column++) {
          rows1(a, filterHeight, length, pitch, weights, c, columns);
          a += pixel;
          c += outPixel;
        }
        weights += panel;
      }
    }
  }
}

/** Numbers of an image and its gradient that stay in the processor's first cache: 24 KB. */
const CACHED = 6144;

/**
 * Adds the gradient of the filter over images `from` … `to` to `gradient`, `[filterHeight,
 * filterWidth · channels, width8]` where width8 is `filters` rounded up to 8. `scratch` has room for
 * one padded image, and for one image of dy, 8 channels a multiple.
 */
export function filterGradient(
  x: usize,
  from: i32,
  to: i32,
  height: i32,
  width: i32,
  channels: i32,
  top: i32,
  left: i32,
  dy: usize,
  filterHeight: i32,
  filterWidth: i32,
  outHeight: i32,
  outWidth: i32,
  filters: i32,
  gradient: usize,
  scratch: usize,
): void {
  const paddedHeight = outHeight + filterHeight - 1;
  const paddedWidth = outWidth + filterWidth - 1;
  const pixel = (<usize>channels) << 2;
  const pitch = pixel * <usize>paddedWidth;
  const length = filterWidth * channels;
  const width8 = (filters + 7) & ~7;
  const outPixel = (<usize>width8) << 2;
  const outPitch = outPixel * <usize>outWidth;
  const widened = scratch + pitch * <usize>paddedHeight;
  const rowsAtOnce = max(1, CACHED / (paddedWidth * channels + outWidth * width8));
  for (let image = from; image < to; image++) {
    const source = x + ((<usize>(image * height * width * channels)) << 2);
    padImage(source, height, width, channels, top, left, paddedHeight, paddedWidth, scratch);
    let outputs = dy + ((<usize>(image * outHeight * outWidth * filters)) << 2);
    if (width8 !== filters) {
      widen(outputs, outHeight * outWidth, filters, width8, widened);
      outputs = widened;
    }
    for (let row = 0; row < outHeight; row += rowsAtOnce) {
      const rows = min(rowsAtOnce, outHeight - row);
      const b = outputs + <usize>row * outPitch;
      for (let i = 0; i < filterHeight; i++) {
        const a = scratch + <usize>(row + i) * pitch;
        for (let n = 0; n < width8; n += 8) {
          const q = b + ((<usize>n) << 2);
          let c = gradient + ((<usize>(i * length * width8 + n)) << 2);
          let m = 0;
          for (; m + 4 <= length; m += 4) {
            const p = a + ((<usize>m) << 2);
            columns4(p, pixel, pitch, q, outPixel, outPitch, rows, outWidth, c, outPixel);
            c += 4 * outPixel;
          }
          for (; m < length; m++) {
            const p = a + ((<usize>m) << 2);
            columns1(p, pixel, pitch, q, outPixel, outPitch, rows, outWidth, c);
            c += outPixel;
          }
        }
      }
    }
  }
}

/** Rows of `narrow` numbers filled up with 0 to `wide`. */
function widen(from: usize, rows: i32, narrow: i32, wide: i32, to: usize): void {
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < wide; i++) {
      f32.store(to + ((<usize>i) << 2), i < narrow ? f32.load(from + ((<usize>i) << 2)) : 0);
    }
    from += (<usize>narrow) << 2;
    to += (<usize>wide) << 2;
  }
}
