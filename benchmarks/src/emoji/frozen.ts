import { compiledFunction } from '@chainrule/backend-node/compiled';
import type { ImageSource } from '@chainrule/data';
import { cachedEmbeddings } from '@chainrule/data/node';
import { type EfficientNetLite0Params, efficientNetLite0 } from '@chainrule/encoders-image';
import { efficientNetLite0Weights } from '@chainrule/encoders-image/node';
import { type BertParams, miniLm } from '@chainrule/encoders-text';
import { miniLmWeights } from '@chainrule/encoders-text/node';
import { disposeTree } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { say } from '../harness.js';
import type { Rows } from './rows.js';

/** Features of a picture, or of one place in it. */
const FEATURES = 1280;
/** Side of the grid that is kept of a scene: means over its four quarters, one an object can be in. */
const GRID = 2;
/** Tokens that a name is cut to. */
const TOKENS = 16;

/** Features of pictures by the frozen EfficientNet-Lite0, from the cache where they are in it. */
export async function pictureRows(
  pictures: readonly ImageSource[],
  what: 'features' | 'grid',
  side: number,
): Promise<Rows> {
  const encoder = efficientNetLite0({ size: [side, side] });
  const params = await efficientNetLite0Weights({ log: say });
  const kept = {
    // As `pnpm retrieval` calls it, so that both use the same files.
    features: { config: { ...encoder.config, view: 0 }, shape: [FEATURES] },
    grid: { config: { ...encoder.config, grid: GRID }, shape: [GRID * GRID, FEATURES] },
  }[what];
  const run = compiledFunction((p: EfficientNetLite0Params, { x }: { readonly x: tf.Tensor4D }) => {
    const { vector, tokens } = encoder.apply(p, x);
    if (what === 'features') return vector;
    const map = tf.reshape<tf.Rank.R4>(tokens!, [-1, ...encoder.map]);
    const window = encoder.map[0] / GRID;
    const grid = tf.avgPool(map, window, window, 'valid');
    return tf.reshape<tf.Rank.R2>(grid, [-1, GRID * GRID * FEATURES]);
  }, params);
  try {
    const { vectors } = await cachedEmbeddings({
      encoder: { config: kept.config, width: kept.shape.reduce((product, n) => product * n, 1) },
      params,
      encode: (x) => run.run({ x: x as tf.Tensor4D }),
      inputs: {
        count: pictures.length,
        shape: [side, side, 3],
        read: (i) => pictures[i]!.read({ height: side, width: side, channels: 3, fit: 'contain' }),
      },
      batchSize: 64,
      log: say,
    });
    return { values: evened(vectors), shape: kept.shape };
  } finally {
    run.dispose();
    disposeTree(params);
  }
}

/**
 * Roots of the features of each place, less their mean and by their deviation: artists differ in how strong
 * features are (lines, gradients, size), things in which there are.
 */
function evened(features: Float32Array): Float32Array {
  const all = features.map(Math.sqrt);
  for (let start = 0; start < all.length; start += FEATURES) {
    const own = all.subarray(start, start + FEATURES);
    const mean = own.reduce((sum, x) => sum + x, 0) / FEATURES;
    const variance = own.reduce((sum, x) => sum + (x - mean) ** 2, 0) / FEATURES;
    const scale = 1 / Math.sqrt(variance + 1e-6);
    for (let i = 0; i < FEATURES; i++) own[i] = (own[i]! - mean) * scale;
  }
  return all;
}

/** Sentence embeddings by the frozen MiniLM. */
export async function textRows(texts: readonly string[]): Promise<Rows> {
  const encoder = miniLm();
  const { params, tokenizer } = await miniLmWeights({ maxLength: TOKENS, log: say });
  const run = compiledFunction(
    (p: BertParams, { x }: { readonly x: tf.Tensor2D }) => encoder.apply(p, x).vector,
    params,
  );
  try {
    const { vectors } = await cachedEmbeddings({
      encoder,
      params,
      encode: (x) => run.run({ x: x as tf.Tensor2D }),
      inputs: {
        count: texts.length,
        shape: [TOKENS],
        read: (i) => Int32Array.from(tokenizer.encodeBatch([texts[i]!], { maxLength: TOKENS })),
      },
      batchSize: 64,
      log: say,
    });
    return { values: vectors, shape: [encoder.width] };
  } finally {
    run.dispose();
    disposeTree(params);
  }
}
