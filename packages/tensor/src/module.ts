import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import { type Key, split } from './random.js';
import type { Path, Tree } from './tree.js';

/** Plain JSON. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/** Plain JSON that rebuilds a module: its `type` is the module's name in its registry. */
export type Config = { readonly type: string; readonly [option: string]: Json };

/** Parameters are plain trees of tensors, and nobody's property: see {@link Module}. */
export type Params = { readonly [key: string]: Tree<Tensor> };

/** What a module may want to know beside its input. */
export interface Context {
  /** True while training: dropout drops, batch norm uses the batch's own statistics. Default false. */
  readonly training?: boolean;
  /** Randomness for this call. A module that draws needs it only while training. */
  readonly key?: Key;
  /**
   * Reports the next value of a leaf below a key named `statistics` (a running mean, say). Such
   * leaves have no gradient; the training step puts the reported values in the new parameters.
   * `value` lives during this call only: whoever receives it keeps it (`tf.keep`) or copies it.
   */
  readonly update?: (leaf: Tensor, value: Tensor) => void;
}

/**
 * A differentiable function with parameters.
 *
 * A module owns no tensor: `init` makes a tree of parameters from a key, `apply` is a pure
 * function of parameters, input and context. So freezing, averaging, sharing, saving and
 * gradients are maps over trees.
 *
 * @example
 * const scale: Module<Tensor2D, Tensor2D> = {
 *   config: { type: 'scale' },
 *   init: () => ({ factor: tf.scalar(1) }),
 *   apply: (params, x) => tf.mul(x, params.factor),
 * };
 */
export interface Module<In, Out, P extends Params = Params, C extends Config = Config> {
  /** Plain JSON; the registry rebuilds this very module from it. */
  readonly config: C;
  /** Fresh parameters. The same key gives the same numbers on every backend. */
  init(key: Key): P;
  apply(params: P, input: In, context?: Context): Out;
}

/** What every encoder returns. */
export interface Embedding {
  /** The feature vector of each example, `[batch, width]`. */
  readonly vector: Tensor2D;
  /** A feature per part (word, patch), `[batch, tokens, tokenWidth]`. */
  readonly tokens?: Tensor3D;
  /** `[batch, tokens]`, 1 = a real token, 0 = padding. */
  readonly mask?: Tensor2D;
  /** `[batch]`, 1 = this example has the modality, 0 = it lacks it. */
  readonly present?: Tensor1D;
}

/** One embedding a modality, by name: `{ image, text }`. */
export type Embeddings = { readonly [modality: string]: Embedding };

/** A module from one modality's input to its embedding, `width` wide. */
export interface Encoder<
  In extends Tensor = Tensor,
  P extends Params = Params,
  C extends Config = Config,
> extends Module<In, Embedding, P, C> {
  readonly width: number;
  /** The width of the embedding's tokens; undefined where the encoder gives none. */
  readonly tokenWidth?: number;
}

/**
 * What one training step sees.
 *
 * Each distinct input is encoded once: `inputs.image` may hold 64 pictures and `rows.image` say,
 * for each of 600 questions, which picture it is about. Without `rows`, example i is row i.
 */
export interface Batch<Target extends Tree<Tensor> = Tree<Tensor>> {
  readonly inputs: { readonly [modality: string]: Tensor };
  /** For each example, the row of `inputs[modality]` that it uses: int32 `[batch]`. */
  readonly rows?: { readonly [modality: string]: Tensor1D };
  readonly target: Target;
  /** `[batch]`, 1 = a real example, 0 = padding that makes up the shape. Default: all ones. */
  readonly weight?: Tensor1D;
}

/** The context of one part of a module: its key is split by the part's name. */
export function childContext(context: Context, name: string | number): Context {
  return context.key === undefined ? context : { ...context, key: split(context.key, name) };
}

/** A leaf that gradient descent trains: one that does not stand below a key named `statistics`. */
export function isTrainable(path: Path): boolean {
  return !path.split('/').includes('statistics');
}
