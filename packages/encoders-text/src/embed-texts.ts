import { checkPositiveInteger } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { Tokenizer } from './tokenizer.js';

export interface EmbedTextsOptions {
  /** Texts that go through the model together; default 64. */
  readonly batchSize?: number;
  /** Ends the work with the signal's reason as the error. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The vectors of many texts. Texts of like length go together, padded to the next power of two
 * (8 at least), so that little padding is computed and few shapes occur, which a compiled function
 * wants. The result does not depend on which texts go together.
 *
 * A text longer than `tokenizer.maxLength` tokens is cut to it. An empty text has the vector that the
 * model gives to one that holds nothing.
 *
 * @param embed from ids, int32 `[batch, time]`, to vectors `[batch, width]`.
 * @returns the vectors in the order of the texts, one `Float32Array` each; none for no texts.
 *
 * @example
 * const model = compiledFunction((p, ids) => encoder.apply(p, ids).vector, params);
 * const vectors = await embedTexts((ids) => model.run(ids), tokenizer, ['a red fox', 'a moon']);
 */
export async function embedTexts(
  embed: (ids: tf.Tensor2D) => tf.Tensor2D,
  tokenizer: Tokenizer,
  texts: readonly string[],
  options: EmbedTextsOptions = {},
): Promise<Float32Array[]> {
  const { batchSize = 64, signal } = options;
  checkPositiveInteger('encoders-text.embedTexts', 'batchSize', batchSize);
  const encoded = texts.map((text, row) => ({ row, ids: tokenizer.encode(text) }));
  const buckets = new Map<number, typeof encoded>();
  for (const each of encoded) {
    const length = Math.min(tokenizer.maxLength, paddedLength(each.ids.length));
    const found = buckets.get(length);
    if (found) found.push(each);
    else buckets.set(length, [each]);
  }
  const vectors = new Array<Float32Array>(texts.length);
  for (const [length, bucket] of [...buckets].sort(([a], [b]) => a - b)) {
    for (let start = 0; start < bucket.length; start += batchSize) {
      signal?.throwIfAborted();
      const some = bucket.slice(start, start + batchSize);
      const flat = new Int32Array(some.length * length);
      some.forEach(({ ids }, i) => {
        flat.set(ids, i * length);
      });
      const output = tf.tidy(() => embed(tf.tensor2d(flat, [some.length, length], 'int32')));
      const data = (await output.data()) as Float32Array;
      const width = output.shape[1];
      output.dispose();
      some.forEach(({ row }, i) => {
        vectors[row] = data.slice(i * width, (i + 1) * width);
      });
    }
  }
  return vectors;
}

const paddedLength = (length: number): number => 2 ** Math.max(3, Math.ceil(Math.log2(length)));
