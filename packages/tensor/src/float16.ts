/** Reads IEEE 754 half-precision numbers (5 bits of exponent, 10 of fraction); exact. */
export function fromFloat16(halves: Uint16Array): Float32Array {
  const out = new Float32Array(halves.length);
  const bits = new Uint32Array(out.buffer);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i]!;
    const sign = (half & 0x8000) << 16;
    const exponent = half & 0x7c00;
    const fraction = half & 0x03ff;
    if (exponent === 0) {
      out[i] = (sign === 0 ? 1 : -1) * fraction * 2 ** -24;
    } else if (exponent === 0x7c00) {
      bits[i] = sign | 0x7f800000 | (fraction << 13);
    } else {
      // The bias of the exponent grows from 15 to 127.
      bits[i] = sign | (((half & 0x7fff) + (112 << 10)) << 13);
    }
  }
  return out;
}

/** Reads bfloat16 numbers, the upper halves of float32; exact. */
export function fromBfloat16(halves: Uint16Array): Float32Array {
  const bits = Uint32Array.from(halves, (half) => half << 16);
  return new Float32Array(bits.buffer);
}
