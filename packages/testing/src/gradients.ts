import {
  flatten,
  key,
  normalArray,
  permutation,
  split,
  type Tree,
  unflatten,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

export interface GradientOptions {
  /** Step of the central difference; default 1e-2, right for float32 and values around 1. */
  readonly eps?: number;
  /** Default 1e-2. */
  readonly rtol?: number;
  /** Default 1e-3. */
  readonly atol?: number;
  /** How many elements of each tensor are checked, drawn at random; default 24. */
  readonly elements?: number;
  readonly seed?: number;
}

/** The gradient of f's (weighted) sum for each float32 leaf, by path; undefined where f does not depend on it. */
export function gradients<T extends Tree<tf.Tensor>>(
  f: (inputs: T) => tf.Tensor,
  inputs: T,
  weights?: tf.Tensor,
): Map<string, tf.Tensor | undefined> {
  const leaves = flatten(inputs).filter(([, leaf]) => leaf.dtype === 'float32');
  if (leaves.length === 0) return new Map();
  const { grads, value } = tf.engine().gradients(
    () => f(inputs),
    leaves.map(([, leaf]) => leaf),
    weights,
    true,
  );
  value.dispose();
  return new Map(
    leaves.map(([path], i) => [path, (grads[i] ?? undefined) as tf.Tensor | undefined]),
  );
}

/**
 * Compares the gradient of `f` with central finite differences, for some elements of every float32
 * leaf of `inputs` and for one random direction through all of them. Leaves of other types (token
 * ids) are held fixed. `f` may return a tensor of any shape: its elements are summed with random
 * weights, in double precision.
 *
 * A difference that fails is taken again with an eighth of the step, so that a kink (ReLU, max) that
 * lies within the first step does not fail a correct gradient.
 *
 * @example
 * checkGradients(({ x, w }) => tf.matMul(x, w), { x, w });
 */
export function checkGradients<T extends Tree<tf.Tensor>>(
  f: (inputs: T) => tf.Tensor,
  inputs: T,
  { eps = 1e-2, rtol = 1e-2, atol = 1e-3, elements = 24, seed = 0 }: GradientOptions = {},
): void {
  const source = key(seed);
  const leaves = flatten(inputs).filter(([, leaf]) => leaf.dtype === 'float32');
  const values = leaves.map(([, leaf]) => floats(leaf));
  const shape = tf.tidy(() => f(inputs).shape);
  const size = tf.util.sizeFromShape(shape);
  const weights = shape.length === 0 ? Float32Array.of(1) : normalArray(split(source, 'w'), size);

  const analytic = tf.tidy(() => {
    const map = gradients(f, inputs, tf.tensor(weights, shape));
    return leaves.map(([path, leaf]) => floats(map.get(path) ?? tf.zerosLike(leaf)));
  });

  /** f's weighted sum at inputs + step·direction, where `direction` is a list of changes a leaf. */
  const at = (direction: readonly (Float32Array | undefined)[], step: number): number =>
    tf.tidy(() => {
      const moved = new Map<string, tf.Tensor>(flatten(inputs));
      leaves.forEach(([path, leaf], i) => {
        const change = direction[i];
        if (change === undefined) return;
        const value = values[i]!.map((x, k) => x + step * change[k]!);
        moved.set(path, tf.tensor(value, leaf.shape));
      });
      const out = floats(f(unflatten(inputs, moved) as T));
      return out.reduce((sum, y, k) => sum + y * weights[k]!, 0);
    });

  const compare = (
    where: string,
    expected: number,
    direction: readonly (Float32Array | undefined)[],
  ): void => {
    const tried: number[] = [];
    for (const h of [eps, eps / 8]) {
      const difference = (at(direction, h) - at(direction, -h)) / (2 * h);
      if (Math.abs(difference - expected) <= atol + rtol * Math.abs(difference)) return;
      tried.push(difference);
    }
    throw new Error(
      `checkGradients: ${where}: the gradient is ${expected}, finite differences give ${tried.join(' and ')}`,
    );
  };

  leaves.forEach(([path, leaf], i) => {
    for (const k of permutation(split(source, path), leaf.size).slice(0, elements)) {
      const direction: (Float32Array | undefined)[] = [];
      direction[i] = new Float32Array(leaf.size);
      direction[i][k] = 1;
      compare(`${path === '' ? 'input' : path}[${k}]`, analytic[i]![k]!, direction);
    }
  });

  // A unit vector through every leaf: what the elements that were not drawn contribute.
  const random = leaves.map(([path, leaf]) => normalArray(split(source, `d/${path}`), leaf.size));
  const norm = Math.sqrt(random.flatMap((r) => [...r]).reduce((sum, r) => sum + r * r, 0));
  const unit = random.map((r) => r.map((x) => x / norm));
  const slope = analytic.reduce(
    (sum, g, i) => sum + g.reduce((s, x, k) => s + x * unit[i]![k]!, 0),
    0,
  );
  compare('a random direction', slope, unit);
}

function floats(tensor: tf.Tensor): Float32Array {
  return tensor.dataSync() as Float32Array;
}
