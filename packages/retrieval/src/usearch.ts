import { setImmediate } from 'node:timers/promises';
import { Index, MetricKind, ScalarKind } from 'usearch';
import type { Change } from './change-log.js';
import { checkedIndex, checkOptions, type Driver } from './checked-index.js';
import { dot, memoryTable, neighbours } from './memory-table.js';
import { serial } from './serial.js';
import { topK } from './top-k.js';
import { openFolder } from './usearch-folder.js';
import type { Fields, IndexOptions, Metadata, MetadataOf, VectorIndex } from './vector-index.js';

export interface UsearchOptions<F extends Fields = Fields> extends IndexOptions<F> {
  /** Where it is kept; default only in memory. One index at a time may have it open. */
  readonly folder?: string;
  /** Edges of a vector in the graph; default 16. */
  readonly connectivity?: number;
  /** Candidates looked at when a vector is added; default 128. */
  readonly expansionAdd?: number;
  /** Candidates looked at in a search; default 64. More: slower and more complete. */
  readonly expansionSearch?: number;
}

export interface UsearchIndex<M extends Metadata = Metadata> extends VectorIndex<M> {
  /** Writes the graph, so that opening need not add anew what came since the last save. */
  save(): Promise<void>;
}

// Up to so many vectors, comparing all is as quick as walking the graph.
const FEW = 2000;
// Natively added or searched between two turns of the event loop.
const BATCH = 64;

/**
 * An approximate index: a hierarchical navigable small world graph (Malkov & Yashunin 2016,
 * arXiv:1603.09320) by usearch, over half-precision copies; what the graph finds is compared anew in
 * float32. Filters that leave few entries are answered by comparing these.
 *
 * With `folder`, every upsert and delete is in a log on disk before it resolves, and is there when the
 * folder is opened again, whatever became of the process. `save` and `close` write the graph beside
 * it, atomically.
 *
 * @throws ChainruleError `INDEX_FILE` for a folder that is broken or is something else,
 *   `INDEX_OPTIONS` for one of another width or other fields, `INDEX_LOCKED` while another index has it
 *   open.
 *
 * @example
 * ```ts
 * import { usearchIndex } from '@chainrule/retrieval/usearch';
 *
 * const index = await usearchIndex({ width: 2 });
 * await index.upsert([{ id: 'fox', vector: new Float32Array([1, 0]) }]);
 * console.log(await index.search([new Float32Array([1, 1])]));
 * await index.close();
 * ```
 */
export async function usearchIndex<const F extends Fields = Record<never, never>>(
  options: UsearchOptions<F>,
): Promise<UsearchIndex<MetadataOf<F>>> {
  checkOptions('usearchIndex', options);
  const { driver, save } = await openDriver(options);
  return { ...checkedIndex<MetadataOf<F>>('usearchIndex', options, driver), save };
}

async function openDriver(options: UsearchOptions) {
  const { width, folder, fields = {} } = options;
  const table = memoryTable(width);
  const graph = new Index({
    dimensions: width,
    metric: MetricKind.Cos,
    quantization: ScalarKind.F16,
    connectivity: options.connectivity ?? 16,
    expansion_add: options.expansionAdd ?? 128,
    expansion_search: options.expansionSearch ?? 64,
    multi: false,
  });
  const inTurn = serial();

  const add = async (slots: readonly number[]) => {
    for (let from = 0; from < slots.length; from += BATCH) {
      const some = slots.slice(from, from + BATCH);
      graph.add(
        some.map(BigInt),
        some.map((slot) => table.vector(slot)),
      );
      await setImmediate();
    }
  };
  const change = async (what: Change) => {
    if ('delete' in what) {
      for (const id of what.delete) {
        const slot = table.remove(id);
        if (slot !== undefined) graph.remove(BigInt(slot));
      }
      return;
    }
    for (const { id } of what.upsert) {
      const slot = table.slot(id);
      if (slot !== undefined) graph.remove(BigInt(slot));
    }
    await add(what.upsert.map((row) => table.put(row)));
  };
  const storage =
    folder === undefined
      ? undefined
      : await openFolder({ folder, width, fields, table, graph, add, change });

  const all = (query: Float32Array, slots: Iterable<number>, k: number) => {
    const best = topK(k);
    for (const slot of slots) best.offer(slot, dot(query, table.vector(slot)));
    return best.take();
  };
  const driver: Driver = {
    upsert: (upsert) =>
      inTurn(async () => {
        await storage?.append({ upsert });
        await change({ upsert });
      }),
    delete: (ids) =>
      inTurn(async () => {
        const there = ids.filter((id) => table.slot(id) !== undefined);
        if (there.length === 0) return;
        await storage?.append({ delete: there });
        await change({ delete: there });
      }),
    count: () => inTurn(async () => table.size),
    search: (queries, { k, conditions, signal }) =>
      inTurn(async () => {
        const slots = conditions.length > 0 ? table.matching(conditions) : undefined;
        const those = slots ?? [...table.slots()];
        const size = slots?.length ?? table.size;
        const wanted = Math.min(k, size);
        if (wanted === 0) return queries.map(() => []);
        // A filter thins out what the graph finds, so that much more is asked of it; and rounding to
        // half precision may exchange neighbours, so that a few more are.
        const asked = Math.ceil(((1.5 * wanted + 8) * table.size) / size);
        const found: { id: string; similarity: number; metadata: Metadata }[][] = [];
        const pass = slots === undefined ? undefined : new Set(slots);
        for (let from = 0; from < queries.length; from += BATCH) {
          signal?.throwIfAborted();
          const some = queries.slice(from, from + BATCH);
          const few = size <= FEW || asked > table.size / 4;
          const matches = few ? undefined : graph.search(some, asked, 0);
          some.forEach((query, i) => {
            const { keys } =
              matches === undefined ? none : 'counts' in matches ? matches.get(i) : matches;
            const candidates = [...keys].map(Number).filter((slot) => pass?.has(slot) ?? true);
            // Nothing is left out where the graph does not reach it.
            const enough = candidates.length >= wanted;
            found.push(neighbours(table, all(query, enough ? candidates : those, wanted)));
          });
          await setImmediate();
        }
        return found;
      }),
    close: () =>
      inTurn(async () => {
        try {
          await storage?.save();
        } finally {
          await storage?.close();
        }
      }),
  };
  return { driver, save: () => inTurn(async () => storage?.save()) };
}

const none = { keys: new BigUint64Array(0) };
