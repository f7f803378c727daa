import * as tf from '@tensorflow/tfjs-core';
import { checkedIndex, checkOptions, type Driver } from './checked-index.js';
import { BLOCK, dot, memoryTable, neighbours } from './memory-table.js';
import { joined } from './rows.js';
import { serial } from './serial.js';
import { topK } from './top-k.js';
import type { Fields, IndexOptions, MetadataOf, VectorIndex } from './vector-index.js';

// A scalar product by itself costs about this many times what it costs within a matrix product.
const ALONE = 8;

/**
 * An index in memory that compares each query with every vector: nothing is missed, nothing has to
 * be built. similarity = q·v / (|q||v|).
 *
 * The products run on the tfjs backend in use, in blocks of 8,192 vectors; where a filter leaves few
 * of them, they run one by one. It holds each vector twice, as numbers and (once searched) as a
 * tensor: 2 × 4 bytes × width.
 *
 * @throws ChainruleError `INDEX_OPTIONS` or `INDEX_FIELD` for a width or field that can not be.
 *
 * @example
 * ```ts
 * import '@tensorflow/tfjs';
 * import { exactIndex } from '@chainrule/retrieval';
 *
 * const index = exactIndex({ width: 2, fields: { artist: 'string' } });
 * await index.upsert([
 *   { id: 'fox', vector: new Float32Array([1, 0]), metadata: { artist: 'A' } },
 *   { id: 'owl', vector: new Float32Array([0, 1]), metadata: { artist: 'B' } },
 * ]);
 * const [nearest] = await index.search([new Float32Array([1, 1])], { filter: { artist: 'B' } });
 * console.log(nearest); // owl, similarity 0.707
 * await index.close();
 * ```
 */
export function exactIndex<const F extends Fields = Record<never, never>>(
  options: IndexOptions<F>,
): VectorIndex<MetadataOf<F>> {
  checkOptions('exactIndex', options);
  return checkedIndex('exactIndex', options, exactDriver(options.width));
}

function exactDriver(width: number): Driver {
  const table = memoryTable(width);
  const tensors: (tf.Tensor2D | undefined)[] = [];
  // A search waits for its numbers, and the rows must not change below it.
  const inTurn = serial();

  const changed = (slot: number | undefined) => {
    if (slot === undefined) return;
    const block = Math.floor(slot / BLOCK);
    tensors[block]?.dispose();
    tensors[block] = undefined;
  };

  const tensorOf = (block: number): tf.Tensor2D => {
    const there = tensors[block];
    if (there !== undefined) return there;
    const rows = Math.min(BLOCK, table.end - block * BLOCK);
    const values = table.blocks[block]!.slice(0, rows * width);
    const made = tf.keep(tf.tensor2d(values, [rows, width]));
    tensors[block] = made;
    return made;
  };

  return {
    upsert: (rows) => inTurn(async () => rows.forEach((row) => void changed(table.put(row)))),
    delete: (ids) => inTurn(async () => ids.forEach((id) => void changed(table.remove(id)))),
    count: () => inTurn(async () => table.size),
    search: (queries, { k, conditions, signal }) =>
      inTurn(async () => {
        const best = queries.map(() => topK(Math.min(k, table.size)));
        if (table.size === 0) return queries.map(() => []);
        const slots = conditions.length > 0 ? table.matching(conditions) : undefined;
        if (slots !== undefined && slots.length * ALONE < table.end) {
          for (const slot of slots) {
            const vector = table.vector(slot);
            for (let q = 0; q < queries.length; q++) best[q]!.offer(slot, dot(queries[q]!, vector));
          }
          return best.map((kept) => neighbours(table, kept.take()));
        }
        const wanted = new Uint8Array(table.end);
        if (slots === undefined) {
          for (let slot = 0; slot < table.end; slot++) {
            wanted[slot] = table.id(slot) === undefined ? 0 : 1;
          }
        } else {
          for (const slot of slots) wanted[slot] = 1;
        }
        // As many queries at a time as keep a block of scores at 8 MB.
        for (let from = 0; from < queries.length; from += 256) {
          const some = queries.slice(from, from + 256);
          const matrix = tf.tensor2d(joined(some, width), [some.length, width]);
          try {
            for (let block = 0; block * BLOCK < table.end; block++) {
              signal?.throwIfAborted();
              const product = tf.matMul(matrix, tensorOf(block), false, true);
              const scores = await product.data();
              product.dispose();
              const rows = scores.length / some.length;
              for (let q = 0; q < some.length; q++) {
                const { offer } = best[from + q]!;
                for (let row = 0; row < rows; row++) {
                  const slot = block * BLOCK + row;
                  if (wanted[slot] === 1) offer(slot, scores[q * rows + row]!);
                }
              }
            }
          } finally {
            matrix.dispose();
          }
        }
        return best.map((kept) => neighbours(table, kept.take()));
      }),
    async close() {
      for (const tensor of tensors) tensor?.dispose();
      tensors.length = 0;
    },
  };
}
