import {
  ChainruleError,
  type Embedding,
  isTensor,
  type Module,
  type Params,
  tidy,
} from '@chainrule/tensor';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { unit } from './unit.js';

/**
 * Turns a batch of inputs into vectors, [batch, width]: any function, eager or compiled. What it
 * makes on the way is its own to dispose (see {@link encoderOf}); what it returns is disposed by
 * {@link embed}.
 */
export type Encode<I> = (
  inputs: readonly I[],
) => Tensor2D | Embedding | Promise<Tensor2D | Embedding>;

export interface EmbedOptions {
  /** Inputs encoded at a time; default 64. */
  readonly batchSize?: number;
  /** Scales every row to length 1; default true. */
  readonly normalize?: boolean;
  readonly signal?: AbortSignal;
  /** Called after each batch. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

/**
 * Vectors of all inputs, batch after batch: one row each, in order.
 *
 * @returns `inputs.length` rows of the encoder's width, parts of one array.
 * @throws ChainruleError `EMBED_SHAPE` where the encoder returns anything but [batch, width],
 *   `EMBED_VECTOR` for a row with NaN, infinity or (where rows are normalised) nothing but 0.
 *
 * @example
 * ```ts
 * import '@tensorflow/tfjs';
 * import * as tf from '@tensorflow/tfjs-core';
 * import { embed } from '@chainrule/retrieval';
 *
 * const lengths = (words: readonly string[]) => tf.tensor2d(words.map((word) => [word.length, 1]));
 * const rows = await embed(lengths, ['fox', 'owl', 'beaver'], { batchSize: 2 });
 * console.log(rows.length, rows[2]); // 3, [0.986, 0.164]
 * ```
 */
export async function embed<I>(
  encode: Encode<I>,
  inputs: readonly I[],
  options: EmbedOptions = {},
): Promise<Float32Array[]> {
  const { batchSize = 64, normalize = true, signal, onProgress } = options;
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new ChainruleError(
      'OPTION',
      `embed: batchSize must be a positive integer, got ${batchSize}`,
    );
  }
  const rows: Float32Array[] = [];
  let all = new Float32Array(0);
  let width = 0;
  for (let from = 0; from < inputs.length; from += batchSize) {
    signal?.throwIfAborted();
    const batch = inputs.slice(from, from + batchSize);
    const { values, shape } = await take(await encode(batch));
    if (from === 0) {
      width = shape[1] ?? 0;
      all = new Float32Array(inputs.length * width);
    }
    if (shape.length !== 2 || shape[0] !== batch.length || shape[1] !== width || width === 0) {
      const expected = `[${batch.length}, ${from === 0 ? 'width' : width}]`;
      throw new ChainruleError(
        'EMBED_SHAPE',
        `embed: the encoder must return ${expected}, got [${shape.join(', ')}]`,
      );
    }
    all.set(values, from * width);
    for (let i = from; i < from + batch.length; i++) {
      const row = all.subarray(i * width, (i + 1) * width);
      if (row.some((value) => !Number.isFinite(value))) {
        throw new ChainruleError(
          'EMBED_VECTOR',
          `embed: the vector of input ${i} has NaN or infinity in it; look at the encoder's parameters`,
        );
      }
      if (normalize) row.set(unit(row) ?? zero(i));
      rows.push(row);
    }
    onProgress?.({ done: from + batch.length, total: inputs.length });
  }
  return rows;
}

/**
 * A module and its parameters as a function for {@link embed}: `toInput` makes the module's input of
 * a batch; all that comes between is disposed.
 *
 * @example
 * ```ts
 * import '@tensorflow/tfjs';
 * import * as tf from '@tensorflow/tfjs-core';
 * import { dense, key } from '@chainrule/tensor';
 * import { embed, encoderOf } from '@chainrule/retrieval';
 *
 * const module = dense({ in: 2, out: 3 });
 * const encode = encoderOf(module, module.init(key(0)), (points: readonly number[][]) =>
 *   tf.tensor2d(points as number[][]),
 * );
 * console.log(await embed(encode, [[1, 2], [3, 4]]));
 * ```
 */
export function encoderOf<I, T, P extends Params>(
  module: Pick<Module<T, Tensor2D | Embedding, P>, 'apply'>,
  params: P,
  toInput: (inputs: readonly I[]) => T,
): (inputs: readonly I[]) => Tensor2D {
  return (inputs) =>
    tidy(() => {
      const made = module.apply(params, toInput(inputs));
      return isTensor(made) ? (made as Tensor2D) : made.vector;
    });
}

async function take(made: Tensor2D | Embedding) {
  const vector = isTensor(made) ? (made as Tensor2D) : (made as Embedding).vector;
  try {
    return { values: await vector.data<'float32'>(), shape: vector.shape as readonly number[] };
  } finally {
    const parts = isTensor(made) ? [made] : Object.values(made as Embedding);
    for (const part of parts) (part as Tensor2D | undefined)?.dispose();
  }
}

function zero(input: number): never {
  throw new ChainruleError(
    'EMBED_VECTOR',
    `embed: the vector of input ${input} is all 0 and has no direction; pass normalize: false to keep it`,
  );
}
