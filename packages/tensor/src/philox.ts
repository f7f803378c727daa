/**
 * Philox 4x32-10, the counter-based generator of Salmon et al., "Parallel Random Numbers: As Easy
 * as 1, 2, 3" (SC 2011): a bijection on 128-bit counters under a 64-bit key. No state: the n-th
 * block is a function of (key, n), on every machine.
 */

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

export type Word4 = readonly [number, number, number, number];
export type Word2 = readonly [number, number];

/** The upper 32 bits of the 64-bit product of two unsigned words. */
function multiplyHigh(a: number, b: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const bHigh = b >>> 16;
  const bLow = b & 0xffff;
  // Every partial sum stays below 2^53, so plain numbers hold it exactly.
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle % 65536);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) >>> 0;
}

/** Writes one block (four words) for `counter` under `key` into `out` at `offset`. */
export function philoxInto(
  out: Uint32Array,
  offset: number,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
): void {
  let [w0, w1, w2, w3, key0, key1] = [c0, c1, c2, c3, k0, k1];
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, w0);
    const low0 = Math.imul(MULTIPLIER_0, w0) >>> 0;
    const high1 = multiplyHigh(MULTIPLIER_1, w2);
    const low1 = Math.imul(MULTIPLIER_1, w2) >>> 0;
    w0 = (high1 ^ w1 ^ key0) >>> 0;
    w1 = low1;
    w2 = (high0 ^ w3 ^ key1) >>> 0;
    w3 = low0;
    key0 = (key0 + WEYL_0) >>> 0;
    key1 = (key1 + WEYL_1) >>> 0;
  }
  out[offset] = w0;
  out[offset + 1] = w1;
  out[offset + 2] = w2;
  out[offset + 3] = w3;
}

/** One block of Philox 4x32-10: four random words from a counter and a key. */
export function philox4x32(counter: Word4, key: Word2): Word4 {
  const out = new Uint32Array(4);
  philoxInto(
    out,
    0,
    ...(counter.map((word) => word >>> 0) as unknown as Word4),
    key[0] >>> 0,
    key[1] >>> 0,
  );
  return [out[0]!, out[1]!, out[2]!, out[3]!];
}
