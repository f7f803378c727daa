import { ChainruleError, checkSameShape } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

/**
 * How far the two representations of an example are apart: the mean over examples of ‖x − y‖², both
 * scaled to length 1. 0 where they coincide, 2 where they are unrelated, 4 where they are opposite.
 *
 * `[batch, width]` twice → a scalar, with a gradient.
 *
 * Source: Wang and Isola, Understanding contrastive representation learning through alignment and
 * uniformity on the hypersphere (2020), α = 2.
 *
 * @throws ChainruleError `SHAPE` where the shapes differ, `EMPTY_BATCH`.
 */
export function alignment(x: tf.Tensor2D, y: tf.Tensor2D): tf.Scalar {
  checkSameShape('diagnose.alignment', ['x', 'y'], x, y);
  return tf.tidy(() => tf.mean(tf.sum(tf.squaredDifference(unit(x), unit(y)), 1)));
}

/**
 * How evenly representations cover the sphere: log of the mean over pairs of different examples of
 * exp(−2‖xᵢ − xⱼ‖²), all scaled to length 1. 0 where all are one point, about −4 where they are
 * spread evenly over many dimensions; lower is more even.
 *
 * `[batch, width]` → a scalar, with a gradient.
 *
 * Source: Wang and Isola (2020), t = 2.
 *
 * @throws ChainruleError `SHAPE` for fewer than two examples.
 */
export function uniformity(x: tf.Tensor2D): tf.Scalar {
  const batch = x.shape[0];
  if (batch < 2) {
    throw new ChainruleError(
      'SHAPE',
      `diagnose.uniformity: needs two examples or more, got [${x.shape.join(', ')}]`,
    );
  }
  return tf.tidy(() => {
    const points = unit(x);
    const cosines = tf.matMul(points, points, false, true);
    const kernel = tf.exp(tf.mul(tf.sub(1, cosines), -4));
    // The diagonal, where i = j, is taken off: each of its elements is 1.
    const pairs = tf.sub(tf.sum(kernel), batch);
    return tf.log(tf.div(pairs, batch * (batch - 1))) as tf.Scalar;
  });
}

/**
 * The modality gap: the distance between the centres of the two modalities' representations, all
 * scaled to length 1. `[batch, width]` and `[batch', width]` → a scalar, with a gradient.
 *
 * Source: Liang et al., Mind the gap: understanding the modality gap in multi-modal contrastive
 * representation learning (2022).
 *
 * @throws ChainruleError `SHAPE` where the widths differ.
 */
export function modalityGap(x: tf.Tensor2D, y: tf.Tensor2D): tf.Scalar {
  if (x.shape[1] !== y.shape[1]) {
    throw new ChainruleError(
      'SHAPE',
      `diagnose.modalityGap: x [${x.shape.join(', ')}] and y [${y.shape.join(', ')}] must have the same width`,
    );
  }
  return tf.tidy(() => tf.norm(tf.sub(tf.mean(unit(x), 0), tf.mean(unit(y), 0))) as tf.Scalar);
}

/** How the representations of several modalities lie. */
export interface Geometry {
  /** By modality. */
  readonly uniformity: { readonly [modality: string]: number };
  /** Of each two modalities. */
  readonly pairs: readonly {
    readonly between: readonly [string, string];
    readonly alignment: number;
    readonly gap: number;
  }[];
}

/**
 * Uniformity of each modality's representations, alignment and gap of each two, as numbers.
 *
 * @param vectors one row an example, `[batch, width]`, the same examples in each modality.
 * @example
 * const embeddings = model.embed(params, batch);
 * await geometry({ image: embeddings.image.vector, text: embeddings.text.vector });
 */
export async function geometry(vectors: {
  readonly [modality: string]: tf.Tensor2D;
}): Promise<Geometry> {
  const names = Object.keys(vectors).sort();
  const evenness = await Promise.all(
    names.map(async (name) => [name, await read(() => uniformity(vectors[name]!))] as const),
  );
  const pairs = names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b] as const));
  return {
    uniformity: Object.fromEntries(evenness),
    pairs: await Promise.all(
      pairs.map(async ([a, b]) => ({
        between: [a, b] as const,
        alignment: await read(() => alignment(vectors[a]!, vectors[b]!)),
        gap: await read(() => modalityGap(vectors[a]!, vectors[b]!)),
      })),
    ),
  };
}

async function read(f: () => tf.Scalar): Promise<number> {
  const value = f();
  const [number] = await value.data();
  value.dispose();
  return number!;
}

/** Each row divided by its length; a row of zeros stays one. */
function unit(x: tf.Tensor2D): tf.Tensor2D {
  const squared = tf.sum(tf.square(x), 1, true);
  return tf.mul(x, tf.rsqrt(tf.maximum(squared, 1e-24)));
}
