// Batch norm over rows of `channels` numbers. Sums run over blocks of rows that stay in the
// processor's first cache, in single precision, and over the blocks in double.

/** Numbers of a block: 16 KB. */
const BLOCK = 4096;

function rowsOf(channels: i32): i32 {
  return max(16, BLOCK / channels);
}

/**
 * Of rows `from` … `to`: each channel's mean and sum of squared deviations from it, `[2, channels]`
 * doubles at `sums`. Blocks are combined as in Chan, Golub and LeVeque, Algorithms for computing the
 * sample variance (1983), so no digits are lost where the mean is large.
 */
export function batchNormSums(x: usize, from: i32, to: i32, channels: i32, sums: usize): void {
  const stride = (<usize>channels) << 2;
  const squares = sums + (stride << 1);
  const block = rowsOf(channels);
  memory.fill(sums, 0, stride << 2);
  for (let start = from; start < to; start += block) {
    const rows = min(block, to - start);
    const n = <f64>rows;
    const before = <f64>(start - from);
    const first = x + <usize>start * stride;
    let c: usize = 0;
    for (; c + 16 <= stride; c += 16) {
      const mean = f32x4.mul(sumOf(first + c, stride, rows), f32x4.splat(1 / <f32>rows));
      let s0 = f32x4.splat(0);
      let s1 = s0;
      let q0 = s0;
      let q1 = s0;
      let p = first + c;
      let i = 0;
      for (; i + 2 <= rows; i += 2) {
        const d0 = f32x4.sub(v128.load(p), mean);
        const d1 = f32x4.sub(v128.load(p + stride), mean);
        s0 = f32x4.add(s0, d0);
        s1 = f32x4.add(s1, d1);
        q0 = f32x4.add(q0, f32x4.mul(d0, d0));
        q1 = f32x4.add(q1, f32x4.mul(d1, d1));
        p += stride << 1;
      }
      if (i < rows) {
        const d = f32x4.sub(v128.load(p), mean);
        s0 = f32x4.add(s0, d);
        q0 = f32x4.add(q0, f32x4.mul(d, d));
      }
      const s = f32x4.add(s0, s1);
      const q = f32x4.add(q0, q1);
      const at = c << 1;
      merge(sums + at, squares + at, before, n, lane(mean, 0), lane(s, 0), lane(q, 0));
      merge(sums + at + 8, squares + at + 8, before, n, lane(mean, 1), lane(s, 1), lane(q, 1));
      merge(sums + at + 16, squares + at + 16, before, n, lane(mean, 2), lane(s, 2), lane(q, 2));
      merge(sums + at + 24, squares + at + 24, before, n, lane(mean, 3), lane(s, 3), lane(q, 3));
    }
    for (; c < stride; c += 4) {
      let sum: f64 = 0;
      for (let i = 0, p = first + c; i < rows; i++, p += stride) sum += f32.load(p);
      const mean = sum / n;
      let square: f64 = 0;
      for (let i = 0, p = first + c; i < rows; i++, p += stride) {
        const d = <f64>f32.load(p) - mean;
        square += d * d;
      }
      const at = c << 1;
      merge(sums + at, squares + at, before, n, mean, 0, square);
    }
  }
}

function lane(x: v128, i: u8): f64 {
  if (i === 0) return f32x4.extract_lane(x, 0);
  if (i === 1) return f32x4.extract_lane(x, 1);
  if (i === 2) return f32x4.extract_lane(x, 2);
  return f32x4.extract_lane(x, 3);
}

/** The sum of `rows` times four numbers, `stride` apart. */
function sumOf(p: usize, stride: usize, rows: i32): v128 {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let i = 0;
  for (; i + 2 <= rows; i += 2) {
    s0 = f32x4.add(s0, v128.load(p));
    s1 = f32x4.add(s1, v128.load(p + stride));
    p += stride << 1;
  }
  if (i < rows) s0 = f32x4.add(s0, v128.load(p));
  return f32x4.add(s0, s1);
}

/**
 * Adds a block to what was before it. `about` is roughly the block's mean, `rest` and `square` the
 * sums of its deviations from that and of their squares.
 */
function merge(
  mean: usize,
  squares: usize,
  before: f64,
  n: f64,
  about: f64,
  rest: f64,
  square: f64,
): void {
  const difference = about + rest / n - f64.load(mean);
  const weight = n / (before + n);
  f64.store(mean, f64.load(mean) + difference * weight);
  const between = difference * difference * before * weight;
  f64.store(squares, f64.load(squares) + (square - (rest * rest) / n) + between);
}

/** Rows `from` … `to` of y = (x − mean) · factor + offset. `factors` are mean, factor and offset. */
export function batchNorm(
  x: usize,
  from: i32,
  to: i32,
  channels: i32,
  factors: usize,
  y: usize,
): void {
  const stride = (<usize>channels) << 2;
  const block = rowsOf(channels);
  for (let start = from; start < to; start += block) {
    const rows = min(block, to - start);
    const first = <usize>start * stride;
    let c: usize = 0;
    for (; c + 16 <= stride; c += 16) {
      const mean = v128.load(factors + c);
      const factor = v128.load(factors + stride + c);
      const offset = v128.load(factors + 2 * stride + c);
      let p = first + c;
      for (let i = 0; i < rows; i++) {
        const d = f32x4.sub(v128.load(x + p), mean);
        v128.store(y + p, f32x4.add(f32x4.mul(d, factor), offset));
        p += stride;
      }
    }
    for (; c < stride; c += 4) {
      const mean = f32.load(factors + c);
      const factor = f32.load(factors + stride + c);
      const offset = f32.load(factors + 2 * stride + c);
      for (let i = 0, p = first + c; i < rows; i++, p += stride) {
        f32.store(y + p, (f32.load(x + p) - mean) * factor + offset);
      }
    }
  }
}

/** Of rows `from` … `to`: each channel's Σ dy and Σ dy · (x − mean), `[2, channels]` doubles at `sums`. */
export function batchNormGradientSums(
  x: usize,
  from: i32,
  to: i32,
  channels: i32,
  dy: usize,
  mean: usize,
  sums: usize,
): void {
  const stride = (<usize>channels) << 2;
  const products = sums + (stride << 1);
  const block = rowsOf(channels);
  memory.fill(sums, 0, stride << 2);
  for (let start = from; start < to; start += block) {
    const rows = min(block, to - start);
    const first = <usize>start * stride;
    let c: usize = 0;
    for (; c + 16 <= stride; c += 16) {
      const m = v128.load(mean + c);
      let s0 = f32x4.splat(0);
      let s1 = s0;
      let q0 = s0;
      let q1 = s0;
      let p = first + c;
      let i = 0;
      for (; i + 2 <= rows; i += 2) {
        const g0 = v128.load(dy + p);
        const d0 = f32x4.sub(v128.load(x + p), m);
        p += stride;
        const g1 = v128.load(dy + p);
        const d1 = f32x4.sub(v128.load(x + p), m);
        p += stride;
        s0 = f32x4.add(s0, g0);
        s1 = f32x4.add(s1, g1);
        q0 = f32x4.add(q0, f32x4.mul(g0, d0));
        q1 = f32x4.add(q1, f32x4.mul(g1, d1));
      }
      if (i < rows) {
        const g = v128.load(dy + p);
        s0 = f32x4.add(s0, g);
        q0 = f32x4.add(q0, f32x4.mul(g, f32x4.sub(v128.load(x + p), m)));
      }
      addTo(sums + (c << 1), f32x4.add(s0, s1));
      addTo(products + (c << 1), f32x4.add(q0, q1));
    }
    for (; c < stride; c += 4) {
      const m = f32.load(mean + c);
      let sum: f64 = 0;
      let product: f64 = 0;
      for (let i = 0, p = first + c; i < rows; i++, p += stride) {
        const g = f32.load(dy + p);
        sum += g;
        product += g * (f32.load(x + p) - m);
      }
      const at = c << 1;
      f64.store(sums + at, f64.load(sums + at) + sum);
      f64.store(products + at, f64.load(products + at) + product);
    }
  }
}

/** Adds four numbers to four doubles. */
function addTo(to: usize, x: v128): void {
  v128.store(to, f64x2.add(v128.load(to), f64x2.promote_low_f32x4(x)));
  const high = v128.shuffle<f32>(x, x, 2, 3, 2, 3);
  v128.store(to, f64x2.add(v128.load(to, 16), f64x2.promote_low_f32x4(high)), 16);
}

/**
 * Rows `from` … `to` of dx = dy · factor + (x − mean) · slope + shift. `factors` are mean, factor,
 * slope and shift.
 */
export function batchNormGradient(
  x: usize,
  from: i32,
  to: i32,
  channels: i32,
  dy: usize,
  factors: usize,
  dx: usize,
): void {
  const stride = (<usize>channels) << 2;
  const block = rowsOf(channels);
  for (let start = from; start < to; start += block) {
    const rows = min(block, to - start);
    const first = <usize>start * stride;
    let c: usize = 0;
    for (; c + 16 <= stride; c += 16) {
      const mean = v128.load(factors + c);
      const factor = v128.load(factors + stride + c);
      const slope = v128.load(factors + 2 * stride + c);
      const shift = v128.load(factors + 3 * stride + c);
      let p = first + c;
      for (let i = 0; i < rows; i++) {
        const rest = f32x4.add(f32x4.mul(f32x4.sub(v128.load(x + p), mean), slope), shift);
        v128.store(dx + p, f32x4.add(f32x4.mul(v128.load(dy + p), factor), rest));
        p += stride;
      }
    }
    for (; c < stride; c += 4) {
      const mean = f32.load(factors + c);
      const factor = f32.load(factors + stride + c);
      const slope = f32.load(factors + 2 * stride + c);
      const shift = f32.load(factors + 3 * stride + c);
      for (let i = 0, p = first + c; i < rows; i++, p += stride) {
        f32.store(dx + p, f32.load(dy + p) * factor + ((f32.load(x + p) - mean) * slope + shift));
      }
    }
  }
}
