/** Options that every benchmark understands. */
export interface BenchOptions {
  /** What to profile. */
  readonly workload?: string | undefined;
  /** Ends with one line of JSON. */
  readonly json: boolean;
  readonly rounds?: number | undefined;
  readonly steps?: number | undefined;
  readonly epochs?: number | undefined;
  /** Only these contestants. */
  readonly only?: readonly string[] | undefined;
  /** Writes its table into the README that it belongs to. */
  readonly write: boolean;
}

export interface Bench {
  readonly summary: string;
  run(options: BenchOptions): Promise<void>;
}
