import { checkPositive, type Key, split, uniform } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

export interface MixupOptions {
  /** Of the Beta(alpha, alpha) that weights are drawn from; default 0.2. 1 is uniform. */
  readonly alpha?: number;
}

/** How examples were mixed: w·own + (1 − w)·partner's. */
export interface Mixture {
  /** Place of each example's partner in the batch, int32 `[batch]`. */
  readonly partner: tf.Tensor1D;
  /** w, the part of the example itself, `[batch]`. */
  readonly weight: tf.Tensor1D;
}

/**
 * Mixup (Zhang et al., 2018): x ← w·x + (1 − w)·x[partner], with w from Beta(alpha, alpha) for each
 * example, and as partner the example some places further on, the same number for the whole batch,
 * so that each example is a partner once. `[batch, …]` → the same, and how it was mixed: targets go
 * through {@link mixTargets}, or the loss is taken with both targets.
 *
 * Draws: `shift`, `[1]`, of which 1 + ⌊u·(batch − 1)⌋ is the number of places; `weight`, `[batch]`,
 * through the inverse distribution function (a table of 4,096 steps).
 *
 * @throws ChainruleError `OPTION` where alpha is not positive.
 * @example
 * const { inputs, ...mixture } = mixup(images, split(key(seed), 'mixup'));
 * const soft = mixTargets(oneHot, mixture);
 */
export function mixup<T extends tf.Tensor>(
  images: T,
  source: Key,
  { alpha = 0.2 }: MixupOptions = {},
): { readonly inputs: T } & Mixture {
  checkPositive('encoders-image.mixup', 'alpha', alpha);
  const batch = images.shape[0]!;
  return tf.tidy(() => {
    const shift = tf.floor(tf.mul(uniform(split(source, 'shift'), [1]), batch - 1));
    const partner = tf.cast(
      tf.mod(tf.add(tf.range(0, batch), tf.add(shift, 1)), batch),
      'int32',
    ) as tf.Tensor1D;
    const draw = uniform<tf.Rank.R1>(split(source, 'weight'), [batch]);
    const place = tf.cast(tf.floor(tf.mul(draw, STEPS)), 'int32');
    const weight = tf.gather(tf.tensor1d(betaQuantiles(alpha)), place) as tf.Tensor1D;
    return { inputs: mixTargets(images, { partner, weight }), partner, weight };
  });
}

/** w·x + (1 − w)·x[partner], of inputs or of targets that are numbers (one-hot, not class ids). */
export function mixTargets<T extends tf.Tensor>(x: T, { partner, weight }: Mixture): T {
  return tf.tidy(() => {
    const w = tf.reshape(weight, [x.shape[0]!, ...x.shape.slice(1).map(() => 1)]);
    return tf.add(tf.mul(w, x), tf.mul(tf.sub(1, w), tf.gather(x, partner))) as T;
  });
}

const STEPS = 4096;
const tables = new Map<number, Float32Array>();

/**
 * The values below which Beta(alpha, alpha) has (k + ½)/4096 of its weight. With x = sin²t the
 * density is (sin t·cos t)^(2·alpha − 1), which is summed over t.
 */
export function betaQuantiles(alpha: number): Float32Array {
  const known = tables.get(alpha);
  if (known) return known;
  const parts = 1 << 16;
  const cumulative = new Float64Array(parts + 1);
  // Both ends are the same, so one half is summed; t ∝ s⁸ puts many steps where the density peaks.
  const at = (s: number) => (Math.PI / 4) * s ** 8;
  for (let i = 0; i < parts; i++) {
    const [from, to] = [at(i / parts), at((i + 1) / parts)];
    const middle = at((i + 0.5) / parts);
    const density = (Math.sin(middle) * Math.cos(middle)) ** (2 * alpha - 1);
    cumulative[i + 1] = cumulative[i]! + density * (to - from);
  }
  const table = new Float32Array(STEPS);
  let i = 0;
  for (let k = 0; k < STEPS / 2; k++) {
    const wanted = ((2 * k + 1) / STEPS) * cumulative[parts]!;
    while (cumulative[i + 1]! < wanted) i++;
    const within = (wanted - cumulative[i]!) / (cumulative[i + 1]! - cumulative[i]!);
    table[k] = Math.sin(at((i + within) / parts)) ** 2;
    table[STEPS - 1 - k] = 1 - table[k]!;
  }
  tables.set(alpha, table);
  return table;
}
