/**
 * Images `from` … `to` of the gradient of max pooling with windows side by side (stride = window,
 * no padding) and a multiple of 4 channels: dy goes to the first maximum of its window. Numbers
 * that no window reaches are not written.
 */
export function maxPoolGradient(
  x: usize,
  dy: usize,
  dx: usize,
  from: i32,
  to: i32,
  height: i32,
  width: i32,
  channels: i32,
  windowHeight: i32,
  windowWidth: i32,
): void {
  const outHeight = height / windowHeight;
  const outWidth = width / windowWidth;
  const pixel = (<usize>channels) << 2;
  const row = pixel * <usize>width;
  for (let image = from; image < to; image++) {
    for (let i = 0; i < outHeight; i++) {
      let gradient = dy + <usize>((image * outHeight + i) * outWidth) * pixel;
      let offset = <usize>(image * height + i * windowHeight) * row;
      for (let j = 0; j < outWidth; j++) {
        for (let c: usize = 0; c < pixel; c += 16) {
          let highest = v128.load(x + offset + c);
          for (let a = 0; a < windowHeight; a++) {
            for (let b = 0; b < windowWidth; b++) {
              const place = offset + c + <usize>a * row + <usize>b * pixel;
              highest = f32x4.max(highest, v128.load(x + place));
            }
          }
          let rest = v128.load(gradient + c);
          for (let a = 0; a < windowHeight; a++) {
            for (let b = 0; b < windowWidth; b++) {
              const place = offset + c + <usize>a * row + <usize>b * pixel;
              const chosen = f32x4.eq(v128.load(x + place), highest);
              v128.store(dx + place, v128.and(rest, chosen));
              rest = v128.andnot(rest, chosen);
            }
          }
        }
        gradient += pixel;
        offset += pixel * <usize>windowWidth;
      }
    }
  }
}

/** The same for any windows, which may overlap and reach over the edge. `dx` is 0 before. */
export function maxPoolGradientOfAny(
  x: usize,
  dy: usize,
  dx: usize,
  from: i32,
  to: i32,
  height: i32,
  width: i32,
  channels: i32,
  windowHeight: i32,
  windowWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  top: i32,
  left: i32,
  outHeight: i32,
  outWidth: i32,
): void {
  dy += (<usize>(from * outHeight * outWidth * channels)) << 2;
  for (let image = from; image < to; image++) {
    for (let i = 0; i < outHeight; i++) {
      const firstRow = i * strideHeight - top;
      for (let j = 0; j < outWidth; j++) {
        const firstColumn = j * strideWidth - left;
        for (let c = 0; c < channels; c++) {
          let best: usize = 0;
          let highest: f32 = 0;
          let found = false;
          for (let y = max(firstRow, 0); y < min(firstRow + windowHeight, height); y++) {
            for (let z = max(firstColumn, 0); z < min(firstColumn + windowWidth, width); z++) {
              const place = (<usize>(((image * height + y) * width + z) * channels + c)) << 2;
              const value = f32.load(x + place);
              if (!found || value > highest) {
                best = place;
                highest = value;
                found = true;
              }
            }
          }
          if (found) f32.store(dx + best, f32.load(dx + best) + f32.load(dy));
          dy += 4;
        }
      }
    }
  }
}
