import * as tf from '@tensorflow/tfjs-core';
import { ChainruleError } from './errors.js';
import { hasKernel, runKernel } from './kernels.js';
import { philox4x32, philoxInto, type Word2 } from './philox.js';

/**
 * Randomness is an argument. A key is a point in a tree of independent streams: `split` walks to a
 * child by name, and every draw is a function of its key alone, so the same seed gives the same
 * numbers on every backend, in any order, and a resumed run continues exactly.
 *
 * `base` changes from step to step, `path` is fixed by the code that splits. A compiled step
 * therefore takes `base` as an argument (`traced`) while each `path` is a constant of its graph.
 */
export interface Key {
  readonly base: Word2;
  readonly path: Word2;
  /** The base as an int32 tensor `[2]`, while a step is recorded. */
  readonly traced?: tf.Tensor1D;
}

const SPLIT_KEY: Word2 = [0x63686169, 0x6e72756c];
const FOLD_KEY: Word2 = [0x73746570, 0x6b657973];
const TEXT = 1;
const NUMBER = 2;

/** The root key of a seed, a non-negative safe integer. */
export function key(seed: number): Key {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new ChainruleError('SEED', `key: the seed must be a non-negative integer, got ${seed}`);
  }
  return { base: [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0], path: [0, 0] };
}

/** The child of `parent` with that name. Children of different names are independent. */
export function split(parent: Key, name: string | number): Key {
  const [word, tag] = typeof name === 'number' ? [name >>> 0, NUMBER] : [fnv1a(name), TEXT];
  const [a, b] = philox4x32([parent.path[0], parent.path[1], word, tag], SPLIT_KEY);
  return { ...parent, path: [a, b] };
}

/** The key of step `n`: like `split`, but mixed into `base`, the part that may change in a compiled step. */
export function foldIn(parent: Key, n: number): Key {
  if (parent.traced !== undefined) {
    throw new ChainruleError(
      'TRACED_KEY',
      'foldIn: a step that is being recorded can not fold a number in; use split(key, name) inside the step',
    );
  }
  const [seed0, seed1] = seedPair(parent);
  const [a, b] = philox4x32([seed0, seed1, n >>> 0, Math.floor(n / 2 ** 32)], FOLD_KEY);
  return { base: [a, b], path: [0, 0] };
}

/** FNV-1a over UTF-16 code units: names become words. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}

/** The pair of int32 that seeds a stateless generator: base + path, modulo 2^32. */
export function seedPair({ base, path }: Key): Word2 {
  return [(base[0] + path[0]) | 0, (base[1] + path[1]) | 0];
}

/**
 * `count` random words. The stream is TensorFlow's stateless one: key and counter come from one
 * Philox block over the seed pair.
 */
export function bits(source: Key, count: number): Uint32Array {
  const [seed0, seed1] = seedPair(source);
  const scrambled = philox4x32(
    [seed0, seed0 < 0 ? -1 : 0, seed1, seed1 < 0 ? -1 : 0],
    [0x3ec8f720, 0x02461e29],
  );
  const words = new Uint32Array(Math.ceil(count / 4) * 4);
  for (let block = 0; block * 4 < words.length; block++) {
    philoxInto(words, block * 4, block, 0, scrambled[2], scrambled[3], scrambled[0], scrambled[1]);
  }
  return words.length === count ? words : words.slice(0, count);
}

/** Floats in [0, 1) from the low 23 bits of each word, as TensorFlow makes them. */
export function uniformArray(source: Key, count: number): Float32Array {
  const words = bits(source, count);
  for (let i = 0; i < count; i++) words[i] = 0x3f800000 | (words[i]! & 0x7fffff);
  const floats = new Float32Array(words.buffer, words.byteOffset, count);
  for (let i = 0; i < count; i++) floats[i]! -= 1;
  return floats;
}

/** Standard normal numbers by the Box–Muller transform, computed in double precision. */
export function normalArray(source: Key, count: number): Float32Array {
  const uniforms = uniformArray(source, 2 * Math.ceil(count / 2));
  const out = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    // 1 − u lies in (0, 1], so the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - uniforms[i]!));
    const angle = 2 * Math.PI * uniforms[i + 1]!;
    out[i] = radius * Math.cos(angle);
    if (i + 1 < count) out[i + 1] = radius * Math.sin(angle);
  }
  return out;
}

/** The numbers 0 … n − 1 in random order (Fisher–Yates). */
export function permutation(source: Key, n: number): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  const words = bits(source, n);
  for (let i = n - 1; i > 0; i--) {
    const j = words[i]! % (i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** The name of the kernel by which a backend may draw natively: inputs `{ seed }`, attributes `{ shape }`. */
export const STATELESS_UNIFORM = 'StatelessRandomUniform';

/** A float32 tensor, uniform in [0, 1). */
export function uniform<R extends tf.Rank = tf.Rank>(
  source: Key,
  shape: tf.ShapeMap[R],
): tf.Tensor<R> {
  if (hasKernel(STATELESS_UNIFORM)) {
    return tf.tidy(() => {
      const seed =
        source.traced === undefined
          ? tf.tensor1d([...seedPair(source)], 'int32')
          : tf.add(source.traced, tf.tensor1d([source.path[0] | 0, source.path[1] | 0], 'int32'));
      return runKernel(STATELESS_UNIFORM, { seed }, { shape })[0] as tf.Tensor<R>;
    });
  }
  if (source.traced !== undefined) {
    throw new ChainruleError(
      'TRACED_KEY',
      `uniform: backend "${tf.getBackend()}" can not record random numbers`,
    );
  }
  return tf.tensor(uniformArray(source, tf.util.sizeFromShape(shape)), shape, 'float32');
}
