import { type Activation, type DenseParams, dense, type Key, split } from '@chainrule/tensor';
import type * as tf from '@tensorflow/tfjs-core';
import type { Modalities } from './modalities.js';

/** One layer a modality, by its name. */
export type Projections = { readonly [modality: string]: DenseParams };

/** A layer for each modality: parameters keyed and seeded by its name. */
export interface Projection {
  init(key: Key): Projections;
  /** Takes the vectors in the order of the modalities' names, and gives them in that order. */
  apply(params: Projections, vectors: readonly tf.Tensor2D[]): readonly tf.Tensor2D[];
}

/** fᵢ(Wᵢxᵢ + bᵢ), each modality from its own width to `out`. */
export function projections(
  { names, widths }: Pick<Modalities, 'names' | 'widths'>,
  out: number,
  options: { readonly activation?: Activation; readonly bias?: boolean } = {},
): Projection {
  const layers = names.map((name) => dense({ in: widths[name]!, out, ...options }));
  return {
    init: (key) =>
      Object.fromEntries(layers.map((layer, i) => [names[i]!, layer.init(split(key, names[i]!))])),
    apply: (params, xs) => layers.map((layer, i) => layer.apply(params[names[i]!]!, xs[i]!)),
  };
}

/** A projection to one common width, absent where the vectors have it as they are. */
export interface Alignment {
  readonly width: number;
  readonly projection?: Projection;
}

/**
 * For strategies that need equal widths: vectors of one width stay as they are unless `width` is
 * set; otherwise each modality is projected linearly to `width`, by default the widest modality's.
 */
export function aligned(
  modalities: Pick<Modalities, 'names' | 'widths'>,
  width?: number,
): Alignment {
  const given = Object.values(modalities.widths);
  const widest = Math.max(...given);
  if (width === undefined && given.every((w) => w === widest)) return { width: widest };
  const out = width ?? widest;
  return { width: out, projection: projections(modalities, out) };
}
