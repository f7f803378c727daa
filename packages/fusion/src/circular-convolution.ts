import { key, split, uniformArray } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

/*
 * Count sketches and their circular convolution, from products of constant matrices: tfjs has no
 * gradient of its Fourier transforms, nor the transforms themselves on every backend.
 *
 * A transform of length d = p·q is taken in two stages (Cooley and Tukey, 1965), 4d(p + q) products
 * of numbers. With n = n₁q + n₂ and k = k₁ + p·k₂, and ω_m = exp(−2πi / m):
 *
 *   X[k₁, k₂] = Σ_n₂ ω_q^(n₂k₂) ω_d^(n₂k₁) Σ_n₁ ω_p^(n₁k₁) x[n₁, n₂].
 *
 * Tensors have the batch last; real and imaginary parts stand in rows one below the other.
 */

/** Where each element of a vector goes in its sketch, and with which sign. */
export interface Hash {
  readonly bins: Int32Array;
  readonly signs: Float32Array;
}

/** A random hash of `width` elements to `size` bins: a function of the seed and the name alone. */
export function randomHash(seed: number, name: string, width: number, size: number): Hash {
  const source = split(key(seed), name);
  const places = uniformArray(split(source, 'bins'), width);
  const signs = uniformArray(split(source, 'signs'), width);
  return {
    bins: Int32Array.from(places, (u) => Math.floor(u * size)),
    signs: signs.map((u) => (u < 0.5 ? -1 : 1)),
  };
}

/** 1 for each bin that the convolution of the sketches reaches, 0 for those that stay empty. */
export function reachedBins(hashes: readonly Hash[], size: number): Float32Array {
  let reached = Float32Array.from({ length: size }, (_, bin) => (bin === 0 ? 1 : 0));
  for (const { bins } of hashes) {
    const next = new Float32Array(size);
    for (const shift of new Set(bins)) {
      for (let bin = 0; bin < size; bin++) {
        if (reached[bin] === 1) next[(bin + shift) % size] = 1;
      }
    }
    reached = next;
  }
  return reached;
}

/** The largest divisor of `size` that is not above its square root. */
export function splitSize(size: number): number {
  let p = Math.floor(Math.sqrt(size));
  while (size % p !== 0) p--;
  return p;
}

export interface CircularConvolution {
  /** The sketches of the vectors, convolved: `[batch, widthᵢ]`, … → `[batch, size]`. */
  apply(vectors: readonly tf.Tensor2D[]): tf.Tensor2D;
}

/** The convolution of sketches of `size` bins, one hash a vector. Constants are made here, once. */
export function circularConvolution(hashes: readonly Hash[], size: number): CircularConvolution {
  const p = splitSize(size);
  const q = size / p;
  const sketches = hashes.map(({ bins, signs }) => {
    const matrix = new Float32Array(size * bins.length);
    bins.forEach((bin, i) => {
      matrix[bin * bins.length + i] = signs[i]!;
    });
    return matrix;
  });
  // Rows (k₁, part), columns n₁.
  const first = new Float32Array(p * 2 * p);
  // Rows n₁, columns (k₁, part): the real part of the inverse.
  const last = new Float32Array(p * p * 2);
  for (let k1 = 0; k1 < p; k1++) {
    for (let n1 = 0; n1 < p; n1++) {
      const [re, im] = root(k1 * n1, p);
      first[2 * k1 * p + n1] = re;
      first[(2 * k1 + 1) * p + n1] = im;
      // The inverse's root is the conjugate, and i² = −1: Re((a + bi)(re − im·i)) = a·re + b·im.
      last[n1 * 2 * p + 2 * k1] = re / size;
      last[n1 * 2 * p + 2 * k1 + 1] = im / size;
    }
  }
  // For each k₁, rows (part, k₂), columns (part, n₂); its transpose is the conjugate's, the inverse.
  const second = new Float32Array(p * 4 * q * q);
  for (let k1 = 0; k1 < p; k1++) {
    for (let k2 = 0; k2 < q; k2++) {
      for (let n2 = 0; n2 < q; n2++) {
        const [re, im] = root(n2 * (k1 + p * k2), size);
        const at = (row: number, column: number) => (k1 * 2 * q + row) * 2 * q + column;
        second[at(k2, n2)] = re;
        second[at(k2, q + n2)] = -im;
        second[at(q + k2, n2)] = im;
        second[at(q + k2, q + n2)] = re;
      }
    }
  }
  const mask = reachedBins(hashes, size);
  const full = mask.every((reached) => reached === 1);
  return {
    apply(vectors) {
      const batch = vectors[0]!.shape[0];
      const stages = tf.tensor3d(second, [p, 2 * q, 2 * q]);
      const spectra = vectors.map((x, i) => {
        const sketch = tf.matMul(tf.tensor2d(sketches[i]!, [size, x.shape[1]]), x, false, true);
        const columns = tf.matMul(
          tf.tensor2d(first, [2 * p, p]),
          tf.reshape(sketch, [p, q * batch]),
        );
        return tf.matMul<tf.Tensor3D>(stages, tf.reshape(columns, [p, 2 * q, batch]));
      });
      const columns = tf.matMul(stages, spectra.reduce(complexProduct), true);
      const z = tf.matMul(tf.tensor2d(last, [p, 2 * p]), tf.reshape(columns, [2 * p, q * batch]));
      const convolved = tf.transpose<tf.Tensor2D>(tf.reshape(z, [size, batch]));
      // Bins that nothing reaches are exactly zero, which the transforms meet only by rounding.
      return full ? convolved : tf.mul<tf.Tensor2D>(convolved, tf.tensor1d(mask));
    },
  };
}

/** exp(−2πi·n/m). */
function root(n: number, m: number): [re: number, im: number] {
  const angle = (-2 * Math.PI * (n % m)) / m;
  return [Math.cos(angle), Math.sin(angle)];
}

/** Of `[p, 2q, batch]`, the real parts above the imaginary ones. */
function complexProduct(a: tf.Tensor3D, b: tf.Tensor3D): tf.Tensor3D {
  const [ar, ai] = tf.split(a, 2, 1) as [tf.Tensor3D, tf.Tensor3D];
  const [br, bi] = tf.split(b, 2, 1) as [tf.Tensor3D, tf.Tensor3D];
  return tf.concat(
    [tf.sub(tf.mul(ar, br), tf.mul(ai, bi)), tf.add(tf.mul(ar, bi), tf.mul(ai, br))],
    1,
  );
}
