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
 * Tensors have the batch last. Real and imaginary parts (`part`) stand in rows one below the other.
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
  const sketches = hashes.map((hash) => countSketch(hash, size));
  // Of real numbers the spectrum at −k is the conjugate of that at k, so half of the k₁ will do.
  const half = Math.floor(p / 2) + 1;
  // Rows (k₁, part), columns n₁.
  const first = new Float32Array(half * 2 * p);
  // Rows n₁, columns (k₁, part): the real part of the inverse.
  const last = new Float32Array(p * half * 2);
  // For each k₁, rows (part, k₂), columns (part, n₂); its transpose is the conjugate's, the inverse.
  const second = new Float32Array(half * 4 * q * q);
  for (let k1 = 0; k1 < half; k1++) {
    const weight = (k1 === 0 || 2 * k1 === p ? 1 : 2) / size;
    for (let n1 = 0; n1 < p; n1++) {
      const [re, im] = root(k1 * n1, p);
      first[2 * k1 * p + n1] = re;
      first[(2 * k1 + 1) * p + n1] = im;
      // The inverse's root is the conjugate: Re((a + bi)(re − im·i)) = a·re + b·im.
      last[(n1 * half + k1) * 2] = re * weight;
      last[(n1 * half + k1) * 2 + 1] = im * weight;
    }
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
      const stage = tf.tensor3d(second, [half, 2 * q, 2 * q]);
      const spectra = vectors.map((x, i) => {
        const places = tf.reshape(sketches[i]!(tf.transpose(x)), [p, q * batch]);
        const columns = tf.matMul(tf.tensor2d(first, [2 * half, p]), places);
        return tf.matMul<tf.Tensor3D>(stage, tf.reshape(columns, [half, 2 * q, batch]));
      });
      const columns = tf.matMul(stage, spectra.reduce(complexProduct), true);
      const rows = tf.reshape(columns, [2 * half, q * batch]);
      const z = tf.matMul(tf.tensor2d(last, [p, 2 * half]), rows);
      const convolved = tf.transpose<tf.Tensor2D>(tf.reshape(z, [size, batch]));
      // Bins that nothing reaches are exactly zero, which the transforms meet only by rounding.
      return full ? convolved : tf.mul<tf.Tensor2D>(convolved, tf.tensor1d(mask));
    },
  };
}

/**
 * ψ(x)ₖ = Σ_{m: h(m) = k} s(m) xₘ: `[width, batch]` → `[size, batch]`. Forth and back it gathers rows,
 * for not every backend can scatter: the r-th element of each bin, for all r, and their sum.
 */
function countSketch({ bins, signs }: Hash, size: number): (x: tf.Tensor2D) => tf.Tensor2D {
  const width = bins.length;
  const members = Array.from({ length: size }, (): number[] => []);
  bins.forEach((bin, m) => {
    members[bin]!.push(m);
  });
  const rounds = members.reduce((most, { length }) => Math.max(most, length), 0);
  // Where a bin has no r-th element, a row of zeros below x stands for it.
  const sources = Int32Array.from(
    { length: rounds * size },
    (_, i) => members[i % size]![Math.floor(i / size)] ?? width,
  );
  return (x) => {
    const op = tf.customGrad((...args) => {
      const [input] = args as [tf.Tensor2D];
      const batch = input.shape[1];
      const factors = tf.tensor2d(signs, [width, 1]);
      const padded = tf.concat([tf.mul(input, factors), tf.zeros([1, batch])], 0);
      const gathered = tf.gather(padded, tf.tensor1d(sources, 'int32'));
      return {
        value: tf.sum(tf.reshape(gathered, [rounds, size, batch]), 0),
        gradFunc: (dy: tf.Tensor) =>
          tf.mul(tf.gather(dy, tf.tensor1d(bins, 'int32')), tf.tensor2d(signs, [width, 1])),
      };
    });
    return op(x) as tf.Tensor2D;
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
