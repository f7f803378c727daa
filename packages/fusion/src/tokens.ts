import {
  ChainruleError,
  checkPositiveInteger,
  checkShape,
  type DenseParams,
  dense,
  type Embedding,
  type Key,
  reduceMax,
  sinusoidalPositions,
  split,
  tokenwise,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { zeroAbsent } from './missing.js';
import type { TokenFusionOptions, Widths } from './types.js';

/** Tokens, and which of them are real. */
export interface Sequence {
  /** `[batch, tokens, width]`. */
  readonly tokens: tf.Tensor3D;
  /** `[batch, tokens]`, 1 = real, 0 = padding or of an absent modality; undefined where all are real. */
  readonly mask?: tf.Tensor2D | undefined;
}

/** The width of each modality's tokens: as given, otherwise that of its vector. */
export function readTokenWidths(where: string, widths: Widths, given: Widths = {}): Widths {
  for (const [name, width] of Object.entries(given)) {
    if (!Object.hasOwn(widths, name)) {
      throw new ChainruleError(
        'OPTION',
        `${where}: tokenWidths names "${name}", which widths does not; widths names ${Object.keys(widths).join(', ')}`,
      );
    }
    checkPositiveInteger(where, `tokenWidths.${name}`, width);
  }
  return Object.fromEntries(
    Object.entries(widths).map(([name, width]) => [name, given[name] ?? width]),
  );
}

/**
 * The checked tokens of one modality; zero and masked where an example lacks it.
 *
 * @throws ChainruleError `TOKENS` where there are none, `SHAPE` where they have another shape.
 */
export function sequence(
  where: string,
  name: string,
  { vector, tokens, mask, present }: Embedding,
  width: number,
): Sequence {
  if (tokens === undefined) {
    throw new ChainruleError(
      'TOKENS',
      `${where}: ${name} has no tokens, its encoder gives only a vector; take an encoder that ` +
        'gives tokens (cnn, lstm, bagOfWords), or a strategy of vectors, such as film or product',
    );
  }
  const batch = vector.shape[0];
  checkShape(where, `${name}'s tokens`, tokens, [batch, 'tokens', width]);
  if (mask !== undefined) checkShape(where, `${name}'s mask`, mask, [batch, tokens.shape[1]]);
  if (present === undefined) return { tokens, mask };
  const owned = tf.reshape(present, [batch, 1]);
  const ones = () => tf.ones<tf.Rank.R2>([batch, tokens.shape[1]]);
  return { tokens: zeroAbsent(tokens, present), mask: tf.mul(mask ?? ones(), owned) };
}

/** A linear layer of tokens a modality, from its own width to `out`. */
export interface TokenProjection {
  init(key: Key): { readonly [modality: string]: DenseParams };
  apply(
    params: { readonly [modality: string]: DenseParams },
    name: string,
    sequence: Sequence,
  ): Sequence;
}

export function tokenProjection(
  names: readonly string[],
  widths: Widths,
  out: number,
  options: { readonly bias?: boolean; readonly activation?: 'linear' | 'relu' | 'tanh' } = {},
): TokenProjection {
  const layers = new Map(
    names.map((name) => [name, dense({ in: widths[name]!, out, ...options })]),
  );
  return {
    init: (key) =>
      Object.fromEntries(names.map((name) => [name, layers.get(name)!.init(split(key, name))])),
    apply: (params, name, { tokens, mask }) => ({
      tokens: tokenwise(layers.get(name)!, params[name]!, tokens),
      mask,
    }),
  };
}

/** One value a name. */
export function each<T>(names: readonly string[], f: (name: string) => T): { [name: string]: T } {
  return Object.fromEntries(names.map((name) => [name, f(name)]));
}

/** Sequences of one width one after the other. */
export function joined(sequences: readonly Sequence[]): Sequence {
  if (sequences.length === 1) return sequences[0]!;
  const tokens = tf.concat(
    sequences.map((each) => each.tokens),
    1,
  );
  if (sequences.every(({ mask }) => mask === undefined)) return { tokens };
  const masks = sequences.map(({ tokens, mask }) => mask ?? tf.ones(tokens.shape.slice(0, 2)));
  return { tokens, mask: tf.concat(masks, 1) as tf.Tensor2D };
}

/** Zeros in the place of padding. */
export function zeroPadding({ tokens, mask }: Sequence): tf.Tensor3D {
  return mask === undefined ? tokens : tf.mul(tokens, tf.expandDims(mask, 2));
}

/** The sum of the real tokens, `[batch, width]`. */
export function sumTokens(sequence: Sequence): tf.Tensor2D {
  return tf.sum(zeroPadding(sequence), 1);
}

/** The mean of the real tokens; zero where there is none. */
export function meanTokens(sequence: Sequence): tf.Tensor2D {
  const { tokens, mask } = sequence;
  if (mask === undefined) return tf.mean(tokens, 1);
  return tf.div(sumTokens(sequence), tf.maximum(tf.sum(mask, 1, true), 1));
}

/** The maximum and the mean of each channel over the real tokens, `[batch, 2 · width]`; ReLUs' alone. */
export function highestAndMean(sequence: Sequence): tf.Tensor2D {
  // Padding counts as zero, which is no maximum of what is nowhere below zero.
  const highest = reduceMax<tf.Tensor2D>(zeroPadding(sequence), 1);
  return tf.concat([highest, meanTokens(sequence)], 1) as tf.Tensor2D;
}

/** A product of matrices costs more than it saves where there are so few tokens. */
const FEW = 4;

/** Σ weights·tokens of each example: `[batch, tokens]`, `[batch, tokens, width]` → `[batch, width]`. */
export function weightedTokens(weights: tf.Tensor2D, tokens: tf.Tensor3D): tf.Tensor2D {
  const [batch, count, width] = tokens.shape;
  if (count <= FEW) return tf.sum(tf.mul(tokens, tf.expandDims(weights, 2)), 1);
  return tf.reshape(tf.matMul(tf.reshape(weights, [batch, 1, count]), tokens), [batch, width]);
}

/** The same rows for each example: `[tokens, width]` → `[batch, tokens, width]`. */
export function repeated(rows: tf.Tensor2D, batch: number): tf.Tensor3D {
  // Adding zeros has a sum as gradient; that of tf.tile is a loop over the copies.
  return tf.add(tf.expandDims(rows, 0), tf.zeros([batch, 1, 1]));
}

/** Adds sinusoidal positions to the tokens. */
export function positioned({ tokens, mask }: Sequence): Sequence {
  const [, count, width] = tokens.shape;
  return { tokens: tf.add(tokens, sinusoidalPositions(count, width)), mask };
}

/** What strategies made of transformer layers take beside their own options. */
export interface TransformerFusionOptions extends TokenFusionOptions {
  /** The width of the tokens and of z. Default: the widest modality's. */
  readonly width?: number;
  /** Default 2. */
  readonly layers?: number;
  /** Heads of the attention; must divide width. Default: 4, or as many of 2 and 1 as divide it. */
  readonly heads?: number;
  /** Rate of the dropout within the layers; default 0. */
  readonly dropout?: number;
}

/** Heads of an attention: 4, or as many of 4, 2, 1 as divide the width. */
export function defaultHeads(width: number): number {
  return [4, 2, 1].find((heads) => width % heads === 0)!;
}

/** The widest modality's width. */
export function widest(widths: Widths): number {
  return Math.max(...Object.values(widths));
}

/** Checks that options are positive integers. */
export function checkSizes(where: string, sizes: { readonly [option: string]: number }): void {
  for (const [name, size] of Object.entries(sizes)) checkPositiveInteger(where, name, size);
}

/** Checks an option that names a modality, by default the last in alphabetical order. */
export function chosenModality(
  where: string,
  option: string,
  names: readonly string[],
  chosen = names[names.length - 1]!,
): string {
  if (!names.includes(chosen)) {
    throw new ChainruleError(
      'OPTION',
      `${where}: ${option} must be one of ${names.join(', ')}, got "${chosen}"`,
    );
  }
  return chosen;
}
