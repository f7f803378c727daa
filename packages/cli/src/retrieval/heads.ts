import { adamw, chain, clipByGlobalNorm, kernelsOnly, oneCycle } from '@chainrule/optim';
import { disposeTree, precomputed, tidy } from '@chainrule/tensor';
import {
  contrastive,
  type DualEncoder,
  type DualEncoderParams,
  dualEncoder,
  finish,
  type ProjectionOptions,
  type TrainEvent,
  train,
} from '@chainrule/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { type Pair, pairBatches, tensorOf } from './pairs.js';
import { ridge } from './ridge.js';

/** How the heads on the frozen encoders are shaped and trained. */
export interface Recipe {
  readonly width: number;
  readonly image: ProjectionOptions;
  /** `false`: texts stay where their encoder puts them. */
  readonly text: ProjectionOptions | false;
  readonly scale: number;
  readonly maxScale: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  /** How often a picture's caption is its name. */
  readonly names: number;
  /** Whether icons are learnt from, too. */
  readonly icons: boolean;
  /** λ of a ridge regression, which then makes the image's linear head in place of training. */
  readonly ridge?: number;
}

export interface Heads {
  readonly model: DualEncoder;
  /** For rows as the frozen encoders make them. */
  readonly params: DualEncoderParams;
}

/** Heads on rows of the frozen encoders, without parameters yet. */
export function headsModel({ width, image, text, scale, maxScale }: Recipe, widths: Widths) {
  return dualEncoder({
    encoders: {
      image: precomputed({ width: widths.image }),
      text: precomputed({ width: widths.text }),
    },
    projections: { image, text },
    width,
    scale,
    maxScale,
  }) as unknown as DualEncoder;
}

export interface Widths {
  readonly image: number;
  readonly text: number;
}

export interface TrainHeadsOptions {
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: TrainEvent) => void;
}

/**
 * Trains two heads, such that a picture and what it is called come to lie together. Features are
 * standardised for training; the parameters that come back take them as they are.
 *
 * @throws the signal's reason, where it is aborted.
 */
export async function trainHeads(
  pairs: readonly Pair[],
  recipe: Recipe,
  { seed, signal, onEvent }: TrainHeadsOptions,
): Promise<Heads> {
  const image = standard(pairs.map(({ views }) => views[0]!));
  const text = recipe.text === false ? undefined : standard(pairs.map(({ texts }) => texts[0]!));
  const shown = pairs.map(({ views, texts, concept }) => ({
    views: views.map(image.apply),
    texts: text ? texts.map(text.apply) : texts,
    concept,
  }));
  const model = headsModel(recipe, { image: image.width, text: pairs[0]!.texts[0]!.length });
  const data = pairBatches(shown, { ...recipe, seed });
  const steps = recipe.epochs * data.stepsPerEpoch;
  const { params } = await finish(
    train({
      model,
      objective: contrastive(),
      optimizer: chain(
        clipByGlobalNorm({ maxNorm: 1 }),
        adamw({
          learningRate: oneCycle({ peak: recipe.learningRate, steps }),
          weightDecay: recipe.weightDecay,
          mask: kernelsOnly,
        }),
      ),
      data,
      keep: 'last',
      epochs: recipe.epochs,
      seed,
      signal,
    }),
    onEvent,
  );
  signal.throwIfAborted();
  const folded = tidy(() => ({
    ...params,
    projections: {
      image: image.fold(params.projections.image as unknown as Mlp),
      text: text ? text.fold(params.projections.text as unknown as Mlp) : {},
    },
    logScale: tf.clone(params.logScale),
    bias: tf.clone(params.bias),
  }));
  disposeTree(params as never);
  return { model, params: folded as unknown as DualEncoderParams };
}

/**
 * A linear head for pictures in closed form, to where the text encoder puts their names.
 */
export async function fitHeads(
  pairs: readonly Pair[],
  recipe: Recipe & { readonly ridge: number },
): Promise<Heads> {
  const x = pairs.flatMap(({ views }) => views);
  const y = pairs.flatMap(({ views, texts }) => views.map(() => texts[0]!));
  const model = headsModel(recipe, { image: x[0]!.length, text: y[0]!.length });
  const params = {
    encoders: { image: {}, text: {} },
    projections: { image: { layers: [await ridge(x, y, recipe.ridge)] }, text: {} },
    logScale: tf.scalar(Math.log(recipe.scale)),
    bias: tf.scalar(0),
  };
  return { model, params: params as unknown as DualEncoderParams };
}

interface Mlp {
  readonly layers: readonly { readonly kernel: tf.Tensor2D; readonly bias: tf.Tensor1D }[];
}

/** (x − mean)/deviation by column, and how to put that into a layer behind it. */
function standard(rows: readonly Float32Array[]) {
  const width = rows[0]!.length;
  const mean = new Float32Array(width);
  const deviation = new Float32Array(width);
  for (const row of rows) for (let i = 0; i < width; i++) mean[i]! += row[i]! / rows.length;
  for (const row of rows) {
    for (let i = 0; i < width; i++) deviation[i]! += (row[i]! - mean[i]!) ** 2 / rows.length;
  }
  for (let i = 0; i < width; i++) deviation[i] = Math.sqrt(deviation[i]!) + 1e-3;
  return {
    width,
    apply: (row: Float32Array) => row.map((x, i) => (x - mean[i]!) / deviation[i]!),
    /** W′ = W/σ, b′ = b − (μ/σ)·W. */
    fold({ layers: [first, ...rest] }: Mlp): Mlp {
      const kernel = tf.div<tf.Tensor2D>(first!.kernel, tf.reshape(deviation, [width, 1]));
      const shift = tf.reshape(tf.matMul(tf.reshape(mean, [1, width]), kernel), [-1]);
      const bias = tf.sub<tf.Tensor1D>(first!.bias, shift);
      const kept = rest.map((layer) => ({
        kernel: tf.clone(layer.kernel),
        bias: tf.clone(layer.bias),
      }));
      return { layers: [{ kernel, bias }, ...kept] };
    },
  };
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
