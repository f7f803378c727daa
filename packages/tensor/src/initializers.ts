import * as tf from '@tensorflow/tfjs-core';
import { ChainruleError } from './errors.js';
import { type Key, normalArray, split, uniformArray } from './random.js';

/**
 * Makes a tensor of initial values. Values are computed on the host, so they are the same on
 * every backend.
 */
export type Initializer = (key: Key, shape: readonly number[]) => tf.Tensor;

/**
 * Fan-in and fan-out: a dense kernel is `[in, out]`, a convolution's `[height, width, in, out]`,
 * whose receptive field multiplies both.
 */
export function fans(shape: readonly number[]): { fanIn: number; fanOut: number } {
  if (shape.length < 2) {
    throw new ChainruleError(
      'SHAPE',
      `initializer: needs a kernel of rank 2 or more, got [${shape.join(', ')}]`,
    );
  }
  const field = shape.slice(0, -2).reduce((product, size) => product * size, 1);
  return { fanIn: field * shape[shape.length - 2]!, fanOut: field * shape[shape.length - 1]! };
}

const size = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);

function scaled(
  values: Float32Array,
  shape: readonly number[],
  factor: number,
  shift = 0,
): tf.Tensor {
  for (let i = 0; i < values.length; i++) values[i] = values[i]! * factor + shift;
  return tf.tensor(values, [...shape], 'float32');
}

export const zeros: Initializer = (_key, shape) => tf.zeros([...shape]);
export const ones: Initializer = (_key, shape) => tf.ones([...shape]);

/** Uniform in ±√(6 / (fanIn + fanOut)) (Glorot and Bengio, 2010). The default for tanh and linear layers. */
export const glorotUniform: Initializer = (key, shape) => {
  const { fanIn, fanOut } = fans(shape);
  const limit = Math.sqrt(6 / (fanIn + fanOut));
  return scaled(uniformArray(key, size(shape)), shape, 2 * limit, -limit);
};

/** Normal with variance 2 / (fanIn + fanOut). */
export const glorotNormal: Initializer = (key, shape) => {
  const { fanIn, fanOut } = fans(shape);
  return scaled(normalArray(key, size(shape)), shape, Math.sqrt(2 / (fanIn + fanOut)));
};

/** Uniform in ±√(6 / fanIn) (He et al., 2015). */
export const heUniform: Initializer = (key, shape) => {
  const limit = Math.sqrt(6 / fans(shape).fanIn);
  return scaled(uniformArray(key, size(shape)), shape, 2 * limit, -limit);
};

/** Normal with variance 2 / fanIn (He et al., 2015). The default for layers before a ReLU. */
export const heNormal: Initializer = (key, shape) =>
  scaled(normalArray(key, size(shape)), shape, Math.sqrt(2 / fans(shape).fanIn));

/** Uniform in ±limit. */
export function uniformInit(limit: number): Initializer {
  return (key, shape) => scaled(uniformArray(key, size(shape)), shape, 2 * limit, -limit);
}

/** Normal with the given standard deviation; values beyond two deviations are drawn again. */
export function truncatedNormal(stddev = 0.02): Initializer {
  return (key, shape) => {
    const values = normalArray(split(key, 0), size(shape));
    let outside = Array.from(values.keys()).filter((i) => Math.abs(values[i]!) > 2);
    for (let round = 1; outside.length > 0; round++) {
      const redrawn = normalArray(split(key, round), outside.length);
      outside.forEach((place, i) => {
        values[place] = redrawn[i]!;
      });
      outside = outside.filter((i) => Math.abs(values[i]!) > 2);
    }
    return scaled(values, shape, stddev);
  };
}

/**
 * A random matrix with orthonormal rows or columns, whichever are fewer (Saxe et al., 2014), times
 * `gain`: modified Gram–Schmidt on a normal matrix, in double precision. The default for the
 * recurrent kernels of LSTMs. Axes but the last are flattened.
 */
export function orthogonal(gain = 1): Initializer {
  return (key, shape) => {
    const columns = shape[shape.length - 1]!;
    const rows = size(shape) / columns;
    const many = Math.max(rows, columns);
    const few = Math.min(rows, columns);
    const normal = Float64Array.from(normalArray(key, many * few));
    const vectors = Array.from({ length: few }, (_, i) =>
      normal.subarray(i * many, (i + 1) * many),
    );
    vectors.forEach((vector, i) => {
      let length = Math.sqrt(dot(vector, vector));
      let before: number;
      // What is left of a vector that nearly vanished is inexact, so it is projected once more.
      do {
        before = length;
        for (const earlier of vectors.slice(0, i)) subtractProjection(vector, earlier);
        length = Math.sqrt(dot(vector, vector));
      } while (length < before / 2);
      for (let k = 0; k < many; k++) vector[k]! /= length;
    });
    const out = new Float32Array(rows * columns);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        out[r * columns + c] = gain * (rows >= columns ? vectors[c]![r]! : vectors[r]![c]!);
      }
    }
    return tf.tensor(out, [...shape], 'float32');
  };
}

function subtractProjection(vector: Float64Array, unit: Float64Array): void {
  const projection = dot(vector, unit);
  for (let k = 0; k < vector.length; k++) vector[k]! -= projection * unit[k]!;
}

/** Four sums at a time: one sum would wait for each addition. */
function dot(a: Float64Array, b: Float64Array): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let k = 0;
  for (; k + 3 < a.length; k += 4) {
    s0 += a[k]! * b[k]!;
    s1 += a[k + 1]! * b[k + 1]!;
    s2 += a[k + 2]! * b[k + 2]!;
    s3 += a[k + 3]! * b[k + 3]!;
  }
  for (; k < a.length; k++) s0 += a[k]! * b[k]!;
  return s0 + s1 + s2 + s3;
}
