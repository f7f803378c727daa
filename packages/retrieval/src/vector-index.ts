/**
 * Where vectors live and are found again: one small interface for every index, exact or approximate,
 * in memory, on disk or on a server.
 */
export interface VectorIndex<M extends Metadata = Metadata> {
  /** Of every vector. */
  readonly width: number;
  /** Adds, or replaces where the id is there already. */
  upsert(entries: readonly Entry<M>[]): Promise<void>;
  delete(ids: readonly string[]): Promise<void>;
  count(): Promise<number>;
  /** The nearest by cosine similarity, the nearest first, for each query. */
  search(queries: readonly Float32Array[], options?: SearchOptions): Promise<Neighbour<M>[][]>;
  /** Gives back what it holds: memory, files, connections. What was upserted on disk stays. */
  close(): Promise<void>;
}

/** Plain values that a filter can compare. */
export type Metadata = { readonly [field: string]: string | number | boolean };

export interface Entry<M extends Metadata = Metadata> {
  readonly id: string;
  readonly vector: Float32Array;
  readonly metadata?: M;
}

export interface SearchOptions {
  /** How many neighbours; default 10. */
  readonly k?: number;
  /** Only entries whose metadata have these values (any of the values, for a list). */
  readonly filter?: {
    readonly [field: string]: string | number | boolean | readonly (string | number | boolean)[];
  };
  readonly signal?: AbortSignal;
}

export interface Neighbour<M extends Metadata = Metadata> {
  readonly id: string;
  /** Cosine similarity, −1 … 1. */
  readonly similarity: number;
  readonly metadata: M;
}
