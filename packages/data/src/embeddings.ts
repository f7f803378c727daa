import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ChainruleError,
  type Embedding,
  type Encoder,
  flatten,
  type Params,
  readSafetensors,
  writeSafetensors,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { cacheFolder, sha256, writeAtomic } from './cache.js';

/** One example's numbers: pixels 0…255 (which become 0…1), float32, or int32 token ids. */
export type EmbeddingInput = Uint8Array | Float32Array | Int32Array;

export interface EmbeddingOptions<P extends Params> {
  /** The frozen encoder. Its config is a part of the hash. */
  readonly encoder: Pick<Encoder<never, P>, 'config' | 'width'>;
  readonly params: P;
  /**
   * Makes the vectors of a batch, `[batch, …shape]` → `[batch, width]`: the encoder's `apply`, or
   * the compiled function of it. Its result is disposed.
   */
  readonly encode: (batch: tf.Tensor) => tf.Tensor2D | Embedding;
  /** How many examples there are, the shape of one, and how to read one. */
  readonly inputs: {
    readonly count: number;
    readonly shape: readonly number[];
    read(index: number): EmbeddingInput | Promise<EmbeddingInput>;
  };
  /** Examples that are encoded at once; default 32. */
  readonly batchSize?: number;
  /** Default: `embeddings` in the cache folder. */
  readonly folder?: string;
  readonly log?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface CachedEmbeddings {
  readonly count: number;
  readonly width: number;
  /** All vectors, one after the other, `[count, width]`. */
  readonly vectors: Float32Array;
  /** SHA-256 of the encoder's config and weights and of every input. */
  readonly hash: string;
  /** False where the encoder ran. */
  readonly cached: boolean;
  /** The vectors of some examples, `[rows, width]`, for the `precomputed` encoder. The caller owns it. */
  rows(indices: ArrayLike<number>): tf.Tensor2D;
}

/**
 * The embeddings that a frozen encoder makes of some examples: computed once and kept on disk, by
 * the hash of config, weights and inputs. A cache file that is damaged or half written is computed
 * anew; one is written whole or not at all.
 *
 * Every input is read each time, for the hash; only the encoder is spared.
 *
 * @throws ChainruleError `DATA_EXAMPLE` where an input has another length than its shape says;
 * `SHAPE` where the encoder gives something else than `[batch, width]`.
 * @example
 * const encoder = efficientNetLite0({ size: [96, 96] });
 * const run = compiledFunction((p, { x }) => encoder.apply(p, x).vector, params);
 * const { rows } = await cachedEmbeddings({
 *   encoder, params, encode: (x) => run.run({ x }),
 *   inputs: { count: images.length, shape: [96, 96, 3], read: (i) => images[i].read(size) },
 * });
 * const batch = { image: rows([0, 5, 7]) }; // for precomputed({ width: encoder.width })
 */
export async function cachedEmbeddings<P extends Params>(
  options: EmbeddingOptions<P>,
): Promise<CachedEmbeddings> {
  const { encoder, inputs, folder = join(cacheFolder(), 'embeddings'), log } = options;
  const { width } = encoder;
  const hash = await hashOf(options);
  const path = join(folder, `${hash}.safetensors`);
  const found = await readVectors(path, hash, inputs.count * width);
  const vectors = found ?? (await computed(options));
  if (found === undefined) {
    const table = { dtype: 'float32', shape: [inputs.count, width], data: vectors } as const;
    const metadata = { hash, sha256: sha256(bytesOf(vectors)) };
    const file = writeSafetensors(new Map([['vectors', table]]), metadata);
    // A cache that is read only costs time, not the embeddings.
    await writeAtomic(path, file).catch((error: Error) => log?.(error.message));
  }
  return {
    count: inputs.count,
    width,
    vectors,
    hash,
    cached: found !== undefined,
    rows(indices) {
      const data = new Float32Array(indices.length * width);
      for (let i = 0; i < indices.length; i++) {
        const row = indices[i]!;
        if (!Number.isInteger(row) || row < 0 || row >= inputs.count) {
          throw new ChainruleError(
            'DATA_EXAMPLE',
            `data.cachedEmbeddings: there are ${inputs.count} examples, got row ${row}`,
          );
        }
        data.set(vectors.subarray(row * width, (row + 1) * width), i * width);
      }
      return tf.tensor2d(data, [indices.length, width]);
    },
  };
}

async function hashOf<P extends Params>(options: EmbeddingOptions<P>): Promise<string> {
  const { encoder, params, inputs, signal } = options;
  const hash = createHash('sha256').update(
    JSON.stringify({
      format: 1,
      config: encoder.config,
      width: encoder.width,
      shape: inputs.shape,
    }),
  );
  for (const [path, leaf] of flatten<tf.Tensor>(params as never)) {
    hash.update(JSON.stringify([path, leaf.dtype, leaf.shape]));
    hash.update(bytesOf(await leaf.data()));
  }
  for (let i = 0; i < inputs.count; i++) {
    signal?.throwIfAborted();
    const input = await inputs.read(i);
    hash.update(`${input.constructor.name} ${input.length} `).update(bytesOf(input));
  }
  return hash.digest('hex');
}

/** What a cache file holds, undefined where it is not there or not whole. */
async function readVectors(
  path: string,
  hash: string,
  length: number,
): Promise<Float32Array | undefined> {
  try {
    const { tensors, metadata } = readSafetensors(await readFile(path));
    const data = tensors.get('vectors')?.data;
    if (!(data instanceof Float32Array) || data.length !== length || metadata.hash !== hash) {
      return undefined;
    }
    return sha256(bytesOf(data)) === metadata.sha256 ? data : undefined;
  } catch {
    return undefined;
  }
}

async function computed<P extends Params>(options: EmbeddingOptions<P>): Promise<Float32Array> {
  const { encoder, encode, inputs, batchSize = 32, log, signal } = options;
  const { count, shape } = inputs;
  const size = shape.reduce((product, side) => product * side, 1);
  const vectors = new Float32Array(count * encoder.width);
  log?.(`encoding ${count} examples once`);
  for (let start = 0; start < count; start += batchSize) {
    signal?.throwIfAborted();
    const wanted = Array.from({ length: Math.min(batchSize, count - start) }, (_, i) => start + i);
    const read = await Promise.all(wanted.map((i) => inputs.read(i)));
    const data = joined(read, size, start);
    const batch = tf.tensor(
      data,
      [read.length, ...shape],
      data instanceof Int32Array ? 'int32' : 'float32',
    );
    const made = encode(batch);
    const vector = 'vector' in made ? made.vector : made;
    const values = await vector.data();
    tf.dispose([batch, made as tf.TensorContainer]);
    if (values.length !== read.length * encoder.width) {
      throw new ChainruleError(
        'SHAPE',
        `data.cachedEmbeddings: encode must give [${read.length}, ${encoder.width}], got [${vector.shape.join(', ')}]`,
      );
    }
    vectors.set(values, start * encoder.width);
  }
  return vectors;
}

function joined(read: readonly EmbeddingInput[], size: number, start: number) {
  const ids = read[0] instanceof Int32Array;
  const data = ids ? new Int32Array(read.length * size) : new Float32Array(read.length * size);
  read.forEach((input, i) => {
    if (input.length !== size || input instanceof Int32Array !== ids) {
      throw new ChainruleError(
        'DATA_EXAMPLE',
        `data.cachedEmbeddings: example ${start + i} must have ${size} numbers of one sort, got ${input.length}`,
      );
    }
    if (!(input instanceof Uint8Array)) data.set(input, i * size);
    else for (let k = 0; k < size; k++) data[i * size + k] = input[k]! / 255;
  });
  return data;
}

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
