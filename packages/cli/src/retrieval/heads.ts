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
  /** Of each name, the mean of its concept's keywords; the name itself where it has none. */
  readonly keywords: readonly Float32Array[];
  /** Widths of the layers that a row of an image consists of. */
  readonly layers: readonly number[];
}

/** Into a shared space with one axis a concept. */
export const projections = (concepts: number) => {
  const mixture = { hidden: [concepts], activation: 'sigmoid' } as const;
  return { image: mixture, text: mixture };
};

/** How much more an image counts on an axis where the regression says more: σ(5 · r − 3). */
const CONTRAST = { slope: 5, threshold: 3 };
/** How much keywords count beside the name. */
const KEYWORDS = 0.5;

/**
 * Heads in closed form. The shared space has one axis a concept that was learnt from.
 *
 * - An image's place on the axis of concept c is σ(5r − 3), less the mean over all axes. r is a ridge
 *   regression to 1 for images of c and 0 for others (less the mean), on features of mean 0 and
 *   deviation 1 of which each layer counts the same; it is scaled so that images that were learnt
 *   from have 1 on their own axis, on average.
 * - A text's is σ(τ(s − 1)), less the mean over all axes: about e^(τ · s). s is the cosine to what c is
 *   called (its name and half as much its keywords), both less the mean of all names; every text
 *   counts as long as the names are on average.
 *
 * A text thus is a mixture of the concepts that it is like, as in Norouzi et al., Zero-shot learning by
 * convex combination of semantic embeddings (2014), where the image was. Nothing in it is random. The
 * caller owns the parameters.
 */
export async function fitHeads(
  { images, concepts, names, keywords, layers }: Examples,
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
    const ownAxes = tf.gather(tf.transpose(solution), tf.tensor1d([...concepts], 'int32'));
    const own = tf.mean(tf.sum(tf.mul(x, ownAxes), 1));
    const slope = tf.div(CONTRAST.slope, own);
    const kernel = tf.mul<tf.Tensor2D>(tf.mul(solution, tf.reshape(scale, [-1, 1])), slope);
    const shift = tf.add(tf.matMul(tf.reshape(mean, [1, -1]), kernel), CONTRAST.threshold);
    const called = calledOf(names, keywords);
    const cosines = tf.mul<tf.Tensor2D>(called.kernel, sharpness);
    const nearness = tf.mul<tf.Tensor1D>(tf.sub(called.bias, 1), sharpness);
    const centred = () => ({
      kernel: tf.sub<tf.Tensor2D>(tf.eye(width), 1 / width),
      bias: tf.zeros<tf.Rank.R1>([width]),
    });
    return {
      image: [{ kernel, bias: tf.reshape<tf.Rank.R1>(tf.neg(shift), [width]) }, centred()],
      text: [{ kernel: cosines, bias: nearness }, centred()],
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

/** The linear layer whose outputs are the cosines of a text to what each concept is called. */
function calledOf(names: Examples['names'], keywords: Examples['keywords']) {
  const all = tensorOf(names);
  const mean = tf.mean(all, 0, true);
  const centred = tf.sub<tf.Tensor2D>(all, mean);
  const length = tf.mean(lengths(centred));
  const words = tf.sub<tf.Tensor2D>(tensorOf(keywords), mean);
  const both = tf.add<tf.Tensor2D>(unit(centred), tf.mul(unit(words), KEYWORDS));
  const kernel = tf.div<tf.Tensor2D>(tf.transpose(unit(both)), length);
  const shift = tf.reshape<tf.Rank.R1>(tf.matMul<tf.Tensor2D>(mean, kernel), [-1]);
  return { kernel, bias: tf.neg(shift) };
}

const lengths = (rows: tf.Tensor2D) => tf.add(tf.norm(rows, 'euclidean', 1, true), 1e-6);
const unit = (rows: tf.Tensor2D): tf.Tensor2D => tf.div(rows, lengths(rows));

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
function tensorOf(rows: readonly Float32Array[]): tf.Tensor2D {
  const width = rows[0]!.length;
  const values = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    values.set(row, i * width);
  });
  return tf.tensor2d(values, [rows.length, width]);
}
