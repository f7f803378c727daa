import type { Tensor } from '@tensorflow/tfjs-core';
import { ChainruleError } from './errors.js';

/** A dimension: a number must match, a name stands for any size. */
export type Dimension = number | string;

/**
 * Checks a tensor's shape; dimensions of the same name must have the same size.
 *
 * @throws ChainruleError `SHAPE`: `fusion.gated: image must be [batch, 512], got [32, 768]`;
 * `EMPTY_BATCH` where the first dimension is 0.
 */
export function checkShape(
  where: string,
  what: string,
  tensor: Pick<Tensor, 'shape'>,
  expected: readonly Dimension[],
): void {
  const { shape } = tensor;
  const names = new Map<string, number>();
  const fits =
    shape.length === expected.length &&
    expected.every((dimension, axis) => {
      const size = shape[axis]!;
      if (typeof dimension === 'number') return size === dimension;
      const earlier = names.get(dimension);
      names.set(dimension, size);
      return earlier === undefined || earlier === size;
    });
  if (!fits) {
    throw new ChainruleError(
      'SHAPE',
      `${where}: ${what} must be [${expected.join(', ')}], got [${shape.join(', ')}]`,
    );
  }
  if (shape[0] === 0) {
    throw new ChainruleError(
      'EMPTY_BATCH',
      `${where}: ${what} has a batch of zero examples; give at least one`,
    );
  }
}

/** @throws ChainruleError `SHAPE` where two tensors that must have the same shape differ. */
export function checkSameShape(
  where: string,
  names: readonly [string, string],
  a: Pick<Tensor, 'shape'>,
  b: Pick<Tensor, 'shape'>,
): void {
  if (a.shape.length !== b.shape.length || a.shape.some((size, axis) => size !== b.shape[axis])) {
    throw new ChainruleError(
      'SHAPE',
      `${where}: ${names[0]} [${a.shape.join(', ')}] and ${names[1]} [${b.shape.join(', ')}] must have the same shape`,
    );
  }
  if (a.shape[0] === 0) {
    throw new ChainruleError(
      'EMPTY_BATCH',
      `${where}: ${names[0]} has a batch of zero examples; give at least one`,
    );
  }
}

/** @throws ChainruleError `OPTION` unless `value` is a positive integer. */
export function checkPositiveInteger(where: string, name: string, value: number): void {
  if (!Number.isInteger(value) || value <= 0) {
    throw new ChainruleError(
      'OPTION',
      `${where}: ${name} must be a positive integer, got ${value}`,
    );
  }
}

/** @throws ChainruleError `OPTION` unless `value` is a positive finite number. */
export function checkPositive(where: string, name: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value))) {
    throw new ChainruleError('OPTION', `${where}: ${name} must be positive, got ${value}`);
  }
}

/** @throws ChainruleError `OPTION` unless 0 <= value < 1. */
export function checkRate(where: string, name: string, value: number): void {
  if (!(value >= 0 && value < 1)) {
    throw new ChainruleError('OPTION', `${where}: ${name} must be in [0, 1), got ${value}`);
  }
}

/** Checks that a tensor is `[batch, …, width]`, of rank 2 or more. */
export function checkChannels(where: string, x: Pick<Tensor, 'shape'>, width: number): void {
  const { shape } = x;
  if (shape.length < 2 || shape.at(-1) !== width) {
    throw new ChainruleError(
      'SHAPE',
      `${where}: input must be [batch, ..., ${width}], got [${shape.join(', ')}]`,
    );
  }
  if (shape[0] === 0) {
    throw new ChainruleError(
      'EMPTY_BATCH',
      `${where}: input has a batch of zero examples; give at least one`,
    );
  }
}
