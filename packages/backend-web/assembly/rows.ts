/** Copies `count` runs of `bytes`, each side with its own distance between them. */
export function copyRows(
  from: usize,
  fromStride: usize,
  to: usize,
  toStride: usize,
  bytes: usize,
  count: i32,
): void {
  if (bytes < 64) {
    for (let i = 0; i < count; i++) {
      for (let b: usize = 0; b < bytes; b += 4) i32.store(to + b, i32.load(from + b));
      from += fromStride;
      to += toStride;
    }
    return;
  }
  for (let i = 0; i < count; i++) {
    memory.copy(to, from, bytes);
    from += fromStride;
    to += toStride;
  }
}

/** Row i of the result is row ids[i] of `from`. */
export function gatherRows(from: usize, ids: usize, to: usize, bytes: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    memory.copy(to, from + <usize>i32.load(ids) * bytes, bytes);
    ids += 4;
    to += bytes;
  }
}

/** Adds row i of `from` to row ids[i] of `to`; ids out of range count nowhere. */
export function sumRows(
  from: usize,
  ids: usize,
  to: usize,
  width: i32,
  count: i32,
  segments: i32,
): void {
  const bytes = (<usize>width) << 2;
  for (let i = 0; i < count; i++) {
    const id = i32.load(ids + ((<usize>i) << 2));
    if (id >= 0 && id < segments) addTo(to + <usize>id * bytes, from, width);
    from += bytes;
  }
}

/** The sum of `count` rows of `width` numbers, added to `to`. */
export function sumOfRows(from: usize, to: usize, width: i32, count: i32): void {
  const bytes = (<usize>width) << 2;
  for (let i = 0; i < count; i++) {
    addTo(to, from, width);
    from += bytes;
  }
}

/** The same in blocks of 256 rows, which loses fewer digits. `part` has room for one row. */
export function sumOfManyRows(from: usize, to: usize, width: i32, count: i32, part: usize): void {
  const bytes = (<usize>width) << 2;
  for (let i = 0; i < count; i += 256) {
    memory.fill(part, 0, bytes);
    sumOfRows(from, part, width, min(256, count - i));
    addTo(to, part, width);
    from += bytes << 8;
  }
}

function addTo(to: usize, from: usize, width: i32): void {
  let n = width;
  for (; n >= 4; n -= 4) {
    v128.store(to, f32x4.add(v128.load(to), v128.load(from)));
    to += 16;
    from += 16;
  }
  for (; n > 0; n--) {
    f32.store(to, f32.load(to) + f32.load(from));
    to += 4;
    from += 4;
  }
}
