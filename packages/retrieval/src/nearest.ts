import { exactIndex } from './exact-index.js';

/**
 * Exact search over rows as they are, without an index of one's own: the `k` candidates nearest to
 * each query by cosine, as row numbers, the nearest first. For the other direction exchange the two.
 * Memory beyond the rows stays bounded: a block of 256 × 8,192 similarities at a time.
 *
 * @throws ChainruleError `INDEX_WIDTH`, `INDEX_VECTOR` or `INDEX_K` for what can not be compared.
 *
 * @example
 * ```ts
 * import '@tensorflow/tfjs';
 * import { nearest } from '@chainrule/retrieval';
 *
 * const images = [new Float32Array([1, 0]), new Float32Array([0, 1])];
 * const texts = [new Float32Array([0.1, 2])];
 * console.log(await nearest(texts, images, { k: 1 })); // [[{ row: 1, similarity: 0.9988 }]]
 * ```
 */
export async function nearest(
  queries: readonly Float32Array[],
  candidates: readonly Float32Array[],
  options: { readonly k?: number; readonly signal?: AbortSignal } = {},
): Promise<{ row: number; similarity: number }[][]> {
  const width = candidates[0]?.length ?? queries[0]?.length ?? 1;
  const index = exactIndex({ width });
  try {
    await index.upsert(candidates.map((vector, row) => ({ id: `${row}`, vector })));
    const found = await index.search(queries, options);
    return found.map((list) => list.map(({ id, similarity }) => ({ row: Number(id), similarity })));
  } finally {
    await index.close();
  }
}
