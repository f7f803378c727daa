import type { Condition, Row } from './checked-index.js';
import type { Metadata } from './vector-index.js';

/** Rows of one block: small enough to copy when one changes, large enough for fast products. */
export const BLOCK = 8192;

/**
 * Rows in memory, each in a slot of its own: vectors in blocks of {@link BLOCK}, so that growing
 * copies nothing and no array outgrows its limit. Slots of deleted rows are used again.
 */
export interface MemoryTable {
  /** Slots in use lie below this. */
  readonly end: number;
  readonly size: number;
  readonly blocks: readonly Float32Array[];
  slot(id: string): number | undefined;
  /** Undefined where the slot is free. */
  id(slot: number): string | undefined;
  metadata(slot: number): Metadata;
  vector(slot: number): Float32Array;
  /** Returns the slot: that of the same id, else `slot`, else a free one. */
  put(row: Row, slot?: number): number;
  /** Returns the slot that became free. */
  remove(id: string): number | undefined;
  /** Slots in use. */
  slots(): Iterable<number>;
  /** Slots in use whose metadata fulfil the conditions. */
  matching(conditions: readonly Condition[]): number[];
}

export function memoryTable(width: number): MemoryTable {
  const blocks: Float32Array[] = [];
  const slots = new Map<string, number>();
  const ids: (string | undefined)[] = [];
  const metadata: Metadata[] = [];
  const free: number[] = [];
  const vector = (slot: number) => {
    const from = (slot % BLOCK) * width;
    return blocks[Math.floor(slot / BLOCK)]!.subarray(from, from + width);
  };
  return {
    get end() {
      return ids.length;
    },
    get size() {
      return slots.size;
    },
    blocks,
    slot: (id) => slots.get(id),
    id: (slot) => ids[slot],
    metadata: (slot) => metadata[slot] ?? {},
    vector,
    put(row, wanted) {
      const slot = slots.get(row.id) ?? wanted ?? free.pop() ?? ids.length;
      while (slot >= blocks.length * BLOCK) blocks.push(new Float32Array(BLOCK * width));
      while (slot > ids.length) free.push(ids.push(undefined) - 1);
      slots.set(row.id, slot);
      ids[slot] = row.id;
      metadata[slot] = row.metadata;
      vector(slot).set(row.vector);
      return slot;
    },
    remove(id) {
      const slot = slots.get(id);
      if (slot === undefined) return undefined;
      slots.delete(id);
      ids[slot] = undefined;
      metadata[slot] = {};
      vector(slot).fill(0);
      free.push(slot);
      return slot;
    },
    slots: () => slots.values(),
    matching(conditions) {
      const sets = conditions.map(([field, values]) => [field, new Set(values)] as const);
      const found: number[] = [];
      for (let slot = 0; slot < ids.length; slot++) {
        if (ids[slot] === undefined) continue;
        const own = metadata[slot]!;
        if (sets.every(([field, values]) => values.has(own[field]!))) found.push(slot);
      }
      return found;
    },
  };
}

/** The scalar product. Four sums side by side: one would wait for its own last addition. */
export function dot(a: Float32Array, b: Float32Array): number {
  const even = a.length - (a.length % 4);
  let p = 0;
  let q = 0;
  let r = 0;
  let s = 0;
  for (let i = 0; i < even; i += 4) {
    p += a[i]! * b[i]!;
    q += a[i + 1]! * b[i + 1]!;
    r += a[i + 2]! * b[i + 2]!;
    s += a[i + 3]! * b[i + 3]!;
  }
  for (let i = even; i < a.length; i++) p += a[i]! * b[i]!;
  return p + q + r + s;
}

/** What an index answers with, for slots and their scores. */
export function neighbours(
  table: MemoryTable,
  found: readonly { readonly key: number; readonly score: number }[],
): { id: string; similarity: number; metadata: Metadata }[] {
  return found.map(({ key, score }) => ({
    id: table.id(key)!,
    // Rounding may carry it past the ends.
    similarity: Math.max(-1, Math.min(1, score)),
    metadata: { ...table.metadata(key) },
  }));
}
