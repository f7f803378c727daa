/** A seeded stream of vectors: the same rows in the same order for the same seed. */
export interface Vectors {
  next(): Float32Array;
}

export type Kind = 'clustered' | 'uniform';

/**
 * Clustered: a mixture of 200 Gaussians whose spread falls off over the axes (1 / √(1 + axis / 16)),
 * as embeddings' does: few directions hold most of it. Uniform: no structure at all, where
 * the nearest is hardly nearer than the rest, and every graph does worse.
 */
export function vectors(kind: Kind, width: number, seed: number): Vectors {
  const shape = generator(1);
  const scale = Float32Array.from({ length: width }, (_, axis) => 1 / Math.sqrt(1 + axis / 16));
  const centres = Array.from({ length: 200 }, () =>
    scale.map((spread) => 1.5 * spread * shape.normal()),
  );
  const { uniform, normal } = generator(seed);
  return {
    next() {
      if (kind === 'uniform') return new Float32Array(width).map(() => 2 * uniform() - 1);
      const centre = centres[Math.floor(uniform() * centres.length)]!;
      return centre.map((value, axis) => value + scale[axis]! * normal());
    },
  };
}

/** mulberry32, and Box–Muller of it. */
function generator(seed: number) {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}
