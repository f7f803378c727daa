import { precomputed } from '@chainrule/tensor';
import { type DualEncoder, type DualEncoderParams, dualEncoder } from '@chainrule/trainer';
import * as tf from '@tensorflow/tfjs-core';
import type { Recipe } from './recipes.js';
import { ridge } from './ridge.js';

export interface Heads {
  readonly model: DualEncoder;
  /** For rows as the frozen encoders make them. */
  readonly params: DualEncoderParams;
}

/** What heads are fitted to. */
export interface Examples {
  /** Of the frozen image encoder. */
  readonly images: readonly Float32Array[];
  /** Of each image, its name's place among `names`. */
  readonly concepts: readonly number[];
  /** Of the frozen text encoder, each of length 1. */
  readonly names: readonly Float32Array[];
  /** Widths of the layers that a row of an image consists of. */
  readonly layers: readonly number[];
}

/** Into a shared space with one axis a concept: images by a linear layer, texts by their likeness. */
export const projections = (concepts: number) => ({
  image: { hidden: [] },
  text: { hidden: [concepts], activation: 'sigmoid' } as const,
});

/**
 * Heads in closed form. The shared space has one axis a concept that was learnt from.
 *
 * - An image's place on the axis of concept c is a ridge regression to 1 for images of c and 0 for
 *   others (less the mean), on features of mean 0 and deviation 1. Each layer counts the same.
 * - A text's is σ(τ(cos(text, name of c) − 1)), less the mean over all c: about e^(τ · cos). A text
 *   thus is a mixture of the concepts that it is like, as in Norouzi et al., Zero-shot learning by
 *   convex combination of semantic embeddings (2014), where the image was.
 *
 * Nothing in it is random. The caller owns the parameters.
 */
export async function fitHeads(
  { images, concepts, names, layers }: Examples,
  { ridge: lambda, sharpness }: Recipe,
): Promise<Heads> {
  const width = names.length;
  const [x, y, scale, mean] = tf.tidy(() => {
    const features = tensorOf(images);
    const moments = tf.moments(features, 0);
    // Rows of length 1 on average, of which each layer has the same share.
    const share = layers.flatMap((size) =>
      new Array(size).fill(1 / Math.sqrt(size * layers.length)),
    );
    const scale = tf.div<tf.Tensor1D>(share, tf.add(tf.sqrt(moments.variance), 1e-3));
    const targets = tf.oneHot(tf.tensor1d([...concepts], 'int32'), width);
    return [
      tf.mul<tf.Tensor2D>(tf.sub(features, moments.mean), scale),
      tf.sub<tf.Tensor2D>(targets, tf.mean(targets, 0)),
      scale,
      moments.mean,
    ] as const;
  });
  const solution = await ridge(x, y, lambda);
  const layersOf = tf.tidy(() => {
    const kernel = tf.mul<tf.Tensor2D>(solution, tf.reshape(scale, [-1, 1]));
    const shift = tf.matMul(tf.reshape(mean, [1, -1]), kernel);
    return {
      image: [{ kernel, bias: tf.reshape<tf.Rank.R1>(tf.neg(shift), [width]) }],
      text: [
        {
          kernel: tf.mul<tf.Tensor2D>(tf.transpose(tensorOf(names)), sharpness),
          bias: tf.fill([width], -sharpness),
        },
        {
          kernel: tf.sub<tf.Tensor2D>(tf.eye(width), 1 / width),
          bias: tf.zeros<tf.Rank.R1>([width]),
        },
      ],
    };
  });
  tf.dispose([x, y, scale, mean, solution]);
  const model = dualEncoder({
    encoders: {
      image: precomputed({ width: images[0]!.length }),
      text: precomputed({ width: names[0]!.length }),
    },
    projections: projections(width),
    width,
  }) as unknown as DualEncoder;
  const params = {
    encoders: { image: {}, text: {} },
    projections: { image: { layers: layersOf.image }, text: { layers: layersOf.text } },
    logScale: tf.scalar(Math.log(1 / 0.07)),
    bias: tf.scalar(0),
  };
  return { model, params: params as unknown as DualEncoderParams };
}

/** Rows of a frozen encoder in the shared space, each of length 1. */
export async function projected(
  { model, params }: Heads,
  modality: 'image' | 'text',
  rows: readonly Float32Array[],
): Promise<Float32Array[]> {
  const all = tf.tidy(() => model.embed(params, modality, tensorOf(rows)));
  const values = await all.data<'float32'>();
  all.dispose();
  return rows.map((_, i) => values.slice(i * model.width, (i + 1) * model.width));
}

/** Rows as one tensor, `[rows, width]`. */
export function tensorOf(rows: readonly Float32Array[]): tf.Tensor2D {
  const width = rows[0]!.length;
  const values = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    values.set(row, i * width);
  });
  return tf.tensor2d(values, [rows.length, width]);
}
