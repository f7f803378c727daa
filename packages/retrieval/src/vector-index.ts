/** What an index stores beside each vector, by field: declared once, so that filters can be checked. */
export type Fields = { readonly [field: string]: 'string' | 'number' | 'boolean' };

/** Plain values that a filter can compare. */
export type Metadata = { readonly [field: string]: string | number | boolean };

/** The metadata that belong to declared fields: `{ artist: 'string' }` makes `{ artist: string }`. */
export type MetadataOf<F extends Fields> = {
  readonly [K in keyof F]: { string: string; number: number; boolean: boolean }[F[K]];
};

/** What every index is told. */
export interface IndexOptions<F extends Fields = Fields> {
  /** Of every vector. */
  readonly width: number;
  /** Fields of the metadata; default none. Every entry gives each of them. */
  readonly fields?: F;
}

/**
 * Where vectors live and are found again: one small interface for every index, exact or approximate,
 * in memory, on disk or on a server.
 *
 * All of them keep the same rules: vectors are compared by cosine and need no normalising; ids are
 * 1 to 512 bytes; a call either happens as a whole or throws a ChainruleError; calls may overlap.
 */
export interface VectorIndex<M extends Metadata = Metadata> {
  /** Of every vector. */
  readonly width: number;
  /** Adds, or replaces where the id is there already. */
  upsert(entries: readonly Entry<M>[]): Promise<void>;
  /** Ids that are not there are passed over. */
  delete(ids: readonly string[]): Promise<void>;
  count(): Promise<number>;
  /**
   * The nearest by cosine similarity, the nearest first, for each query. Where fewer than `k`
   * entries are there (or pass the filter), all of them come back. Among equal similarities the
   * order is not promised.
   */
  search(queries: readonly Float32Array[], options?: SearchOptions<M>): Promise<Neighbour<M>[][]>;
  /** Gives back what it holds: memory, files, connections. What was upserted on disk stays. */
  close(): Promise<void>;
}

export interface Entry<M extends Metadata = Metadata> {
  readonly id: string;
  readonly vector: Float32Array;
  /** Left out where the index has no fields. */
  readonly metadata?: M;
}

/** Entries whose every named field has the value (or any of the values, for a list). */
export type Filter<M extends Metadata = Metadata> = {
  readonly [K in keyof M]?: M[K] | readonly M[K][];
};

export interface SearchOptions<M extends Metadata = Metadata> {
  /** How many neighbours; default 10. */
  readonly k?: number;
  readonly filter?: Filter<M>;
  readonly signal?: AbortSignal;
}

export interface Neighbour<M extends Metadata = Metadata> {
  readonly id: string;
  /** Cosine similarity, −1 … 1. */
  readonly similarity: number;
  readonly metadata: M;
}
