import * as tf from '@tensorflow/tfjs-core';
import { ChainruleError } from './errors.js';
import type { Config, Context, Json, Module, Params } from './module.js';
import { mapTree, type Tree, zipTree } from './tree.js';

/** What is used of a weight of a `tf.LayersModel`. */
export interface LayerWeight {
  /** `layer/weight`. */
  readonly originalName: string;
  read(): tf.Tensor;
  write(value: tf.Tensor): unknown;
}

/** What is used of a `tf.LayersModel` (`@tensorflow/tfjs-layers`); nothing of it is imported. */
export interface LayersModel {
  readonly built: boolean;
  build(inputShape: number[]): void;
  readonly name: string;
  readonly weights: readonly LayerWeight[];
  readonly trainableWeights: readonly LayerWeight[];
  apply(input: tf.Tensor | tf.Tensor[], options?: { training?: boolean }): unknown;
  toJSON(unused?: unknown, returnString?: boolean): string | object;
}

export type LayersModelConfig = Config & {
  readonly type: 'layersModel';
  /** What `tf.models.modelFromJSON` takes: the layers without their weights. */
  readonly topology: Json;
};

/**
 * Adapts a `tf.LayersModel` to a pure module.
 *
 * `init` gives copies of the weights that the model has now, whatever the key: trainable ones as
 * `layer/weight`, the others (batch norm's moving averages, frozen layers) below `statistics`.
 * `apply` runs the model with the given parameters; the model's own weights are neither used nor
 * changed, and what batch norm would write in training is reported by `context.update`.
 *
 * With the parameters saved, the module comes back by
 * `fromLayersModel(await tf.models.modelFromJSON(config.topology))`. Dropout layers draw from
 * tfjs's own generator, so they are not reproducible; regularisers of the layers are not applied.
 *
 * @throws ChainruleError `LAYERS_MODEL` where the model can not be built.
 *
 * @example
 * const encoder = fromLayersModel(await tf.loadLayersModel('file://mobilenet/model.json'));
 * const params = encoder.init(key(0));
 * const features = encoder.apply(params, images);
 */
export function fromLayersModel<
  In extends tf.Tensor | tf.Tensor[] = tf.Tensor,
  Out extends tf.Tensor | tf.Tensor[] = tf.Tensor,
>(model: LayersModel): Module<In, Out, Params, LayersModelConfig> {
  try {
    if (!model.built) model.build([]);
  } catch (cause) {
    throw new ChainruleError(
      'LAYERS_MODEL',
      `tensor.fromLayersModel: "${model.name}" can not be built; give it layers, the first with an inputShape`,
      { cause },
    );
  }
  const weights = weightTree(model);
  return {
    config: {
      type: 'layersModel',
      topology: JSON.parse(JSON.stringify(model.toJSON(undefined, false))) as Json,
    },
    init: () => mapTree(weights, (weight: LayerWeight) => tf.clone(weight.read())) as Params,
    apply: (params, input, context = {}) =>
      tf.tidy(() => {
        const borrowed: Borrowed[] = [];
        zipTree(weights, params, (weight: LayerWeight, leaf: tf.Tensor) => {
          borrowed.push({ weight, leaf });
        });
        const output = withLeaves(borrowed, () =>
          model.apply(input, { training: context.training === true }),
        );
        report(borrowed, context);
        return output as Out;
      }),
  };
}

/** A weight that stands for a leaf of the parameters during a call. */
interface Borrowed {
  readonly weight: LayerWeight;
  readonly leaf: tf.Tensor;
  /** What the model wrote during the call. */
  written?: tf.Tensor;
}

/** Layers see their weights through `read` and `write` only: these are covered, then uncovered. */
function withLeaves<T>(borrowed: readonly Borrowed[], run: () => T): T {
  try {
    for (const entry of borrowed) {
      entry.weight.read = () => entry.written ?? entry.leaf;
      entry.weight.write = (value) => {
        // Layers write from within their own tidy.
        entry.written?.dispose();
        entry.written = tf.keep(tf.clone(value));
      };
    }
    return run();
  } catch (error) {
    for (const { written } of borrowed) written?.dispose();
    throw error;
  } finally {
    for (const { weight } of borrowed) {
      Reflect.deleteProperty(weight, 'read');
      Reflect.deleteProperty(weight, 'write');
    }
  }
}

function report(borrowed: readonly Borrowed[], context: Context): void {
  for (const { leaf, written } of borrowed) {
    if (written === undefined) continue;
    context.update?.(leaf, tf.clone(written));
    written.dispose();
  }
}

type WeightsByLayer = { [layer: string]: { [weight: string]: LayerWeight } };

/** `{ layer: { weight }, statistics: { layer: { weight } } }`. */
function weightTree(model: LayersModel): Tree<LayerWeight> {
  const trainable = byLayer(model.name, model.trainableWeights);
  if (Object.hasOwn(trainable, 'statistics')) {
    throw new ChainruleError(
      'LAYERS_MODEL',
      `tensor.fromLayersModel: a layer of "${model.name}" is named "statistics", which is kept for weights that are not trained; rename it`,
    );
  }
  const known = new Set(model.trainableWeights);
  const others = model.weights.filter((weight) => !known.has(weight));
  return others.length === 0
    ? trainable
    : { ...trainable, statistics: byLayer(model.name, others) };
}

function byLayer(modelName: string, weights: readonly LayerWeight[]): WeightsByLayer {
  const tree: WeightsByLayer = {};
  for (const weight of weights) {
    const slash = weight.originalName.lastIndexOf('/');
    const layer = slash < 0 ? modelName : weight.originalName.slice(0, slash);
    const name = weight.originalName.slice(slash + 1);
    tree[layer] ??= {};
    let unique = name;
    for (let n = 1; Object.hasOwn(tree[layer], unique); n++) unique = `${name}_${n}`;
    tree[layer][unique] = weight;
  }
  return tree;
}

/**
 * Adapts any differentiable function without parameters to a module. (A module with parameters is
 * an object literal: see {@link Module}.)
 *
 * @example
 * const pool = fromFunction((x: tf.Tensor4D) => tf.mean<tf.Tensor2D>(x, [1, 2]), { type: 'pool' });
 */
export function fromFunction<In, Out, C extends Config = Config>(
  f: (input: In, context: Context) => Out,
  config: C = { type: 'function' } as unknown as C,
): Module<In, Out, Params, C> {
  return { config, init: () => ({}), apply: (_params, input, context = {}) => f(input, context) };
}
