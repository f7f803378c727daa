// Tiles of matrix products, 4 × 8 numbers of the result held in registers. Strides are in bytes.

/** a · b + c, rounded once where the engine has relaxed SIMD and the processor the instruction. */
function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(c, f32x4.mul(a, b));
}

/** Stores the first `columns` of eight numbers. */
function store(to: usize, low: v128, high: v128, columns: i32): void {
  if (columns >= 8) {
    v128.store(to, low);
    v128.store(to, high, 16);
    return;
  }
  let part = low;
  if (columns >= 4) {
    v128.store(to, low);
    part = high;
    to += 16;
    columns -= 4;
  }
  if (columns > 0) f32.store(to, f32x4.extract_lane(part, 0));
  if (columns > 1) f32.store(to, f32x4.extract_lane(part, 1), 4);
  if (columns > 2) f32.store(to, f32x4.extract_lane(part, 2), 8);
}

/**
 * Four rows of C = A · B. A's rows are `rowStride` apart and consist of `segments` runs of `length`
 * numbers, `pitch` apart; B is packed, eight columns wide.
 */
export function rows4(
  a: usize,
  rowStride: usize,
  segments: i32,
  length: i32,
  pitch: usize,
  b: usize,
  c: usize,
  cStride: usize,
  columns: i32,
): void {
  let c00 = f32x4.splat(0);
  let c01 = c00;
  let c10 = c00;
  let c11 = c00;
  let c20 = c00;
  let c21 = c00;
  let c30 = c00;
  let c31 = c00;
  for (let s = 0; s < segments; s++) {
    let p0 = a;
    let p1 = p0 + rowStride;
    let p2 = p1 + rowStride;
    let p3 = p2 + rowStride;
    for (let k = 0; k < length; k++) {
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const a0 = v128.load32_splat(p0);
      c00 = madd(a0, b0, c00);
      c01 = madd(a0, b1, c01);
      const a1 = v128.load32_splat(p1);
      c10 = madd(a1, b0, c10);
      c11 = madd(a1, b1, c11);
      const a2 = v128.load32_splat(p2);
      c20 = madd(a2, b0, c20);
      c21 = madd(a2, b1, c21);
      const a3 = v128.load32_splat(p3);
      c30 = madd(a3, b0, c30);
      c31 = madd(a3, b1, c31);
      b += 32;
      p0 += 4;
      p1 += 4;
      p2 += 4;
      p3 += 4;
    }
    a += pitch;
  }
  store(c, c00, c01, columns);
  store(c + cStride, c10, c11, columns);
  store(c + 2 * cStride, c20, c21, columns);
  store(c + 3 * cStride, c30, c31, columns);
}

/** One row of the same. */
export function rows1(
  a: usize,
  segments: i32,
  length: i32,
  pitch: usize,
  b: usize,
  c: usize,
  columns: i32,
): void {
  let c0 = f32x4.splat(0);
  let c1 = c0;
  for (let s = 0; s < segments; s++) {
    let p = a;
    for (let k = 0; k < length; k++) {
      const value = v128.load32_splat(p);
      c0 = madd(value, v128.load(b), c0);
      c1 = madd(value, v128.load(b, 16), c1);
      b += 32;
      p += 4;
    }
    a += pitch;
  }
  store(c, c0, c1, columns);
}

/**
 * Four rows of C += Aᵀ · B, where A holds those four numbers side by side. A and B consist of
 * `segments` runs of `length` rows; C is stored eight columns wide, in full.
 */
export function columns4(
  a: usize,
  aStride: usize,
  aPitch: usize,
  b: usize,
  bStride: usize,
  bPitch: usize,
  segments: i32,
  length: i32,
  c: usize,
  cStride: usize,
): void {
  const r1 = c + cStride;
  const r2 = r1 + cStride;
  const r3 = r2 + cStride;
  let c00 = v128.load(c);
  let c01 = v128.load(c, 16);
  let c10 = v128.load(r1);
  let c11 = v128.load(r1, 16);
  let c20 = v128.load(r2);
  let c21 = v128.load(r2, 16);
  let c30 = v128.load(r3);
  let c31 = v128.load(r3, 16);
  for (let s = 0; s < segments; s++) {
    let p = a;
    let q = b;
    for (let k = 0; k < length; k++) {
      const b0 = v128.load(q);
      const b1 = v128.load(q, 16);
      const a0 = v128.load32_splat(p);
      c00 = madd(a0, b0, c00);
      c01 = madd(a0, b1, c01);
      const a1 = v128.load32_splat(p, 4);
      c10 = madd(a1, b0, c10);
      c11 = madd(a1, b1, c11);
      const a2 = v128.load32_splat(p, 8);
      c20 = madd(a2, b0, c20);
      c21 = madd(a2, b1, c21);
      const a3 = v128.load32_splat(p, 12);
      c30 = madd(a3, b0, c30);
      c31 = madd(a3, b1, c31);
      p += aStride;
      q += bStride;
    }
    a += aPitch;
    b += bPitch;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(r1, c10);
  v128.store(r1, c11, 16);
  v128.store(r2, c20);
  v128.store(r2, c21, 16);
  v128.store(r3, c30);
  v128.store(r3, c31, 16);
}

/** One row of the same. */
export function columns1(
  a: usize,
  aStride: usize,
  aPitch: usize,
  b: usize,
  bStride: usize,
  bPitch: usize,
  segments: i32,
  length: i32,
  c: usize,
): void {
  let c0 = v128.load(c);
  let c1 = v128.load(c, 16);
  for (let s = 0; s < segments; s++) {
    let p = a;
    let q = b;
    for (let k = 0; k < length; k++) {
      const value = v128.load32_splat(p);
      c0 = madd(value, v128.load(q), c0);
      c1 = madd(value, v128.load(q, 16), c1);
      p += aStride;
      q += bStride;
    }
    a += aPitch;
    b += bPitch;
  }
  v128.store(c, c0);
  v128.store(c, c1, 16);
}

/** Eight columns of B, `[length, 8]`, filled up with 0. */
export function pack(
  b: usize,
  rowStride: usize,
  columnStride: usize,
  length: i32,
  columns: i32,
  to: usize,
): void {
  if (columnStride === 4 && columns === 8) {
    for (let k = 0; k < length; k++) {
      v128.store(to, v128.load(b));
      v128.store(to, v128.load(b, 16), 16);
      b += rowStride;
      to += 32;
    }
    return;
  }
  for (let k = 0; k < length; k++) {
    let from = b;
    for (let n = 0; n < 8; n++) {
      f32.store(to + ((<usize>n) << 2), n < columns ? f32.load(from) : 0);
      from += columnStride;
    }
    b += rowStride;
    to += 32;
  }
}
