import { bits, type Key, split } from '@chainrule/tensor';

/** Random numbers one after the other from one key: for sets where one draw decides on the next. */
export interface Draws {
  /** An integer, uniform in 0 … n − 1 (to within n / 2^32). */
  integer(n: number): number;
  /** Uniform in [0, 1). */
  real(): number;
}

const BLOCK = 128;

export function draws(source: Key): Draws {
  let words = bits(split(source, 0), BLOCK);
  let block = 0;
  let next = 0;
  const real = () => {
    if (next === BLOCK) {
      block += 1;
      words = bits(split(source, block), BLOCK);
      next = 0;
    }
    return words[next++]! / 2 ** 32;
  };
  return { real, integer: (n) => Math.floor(real() * n) };
}
