/** Options that every benchmark understands. */
export interface BenchOptions {
  /** What to profile. */
  readonly workload?: string | undefined;
  /** Ends with one line of JSON. */
  readonly json: boolean;
  readonly rounds?: number | undefined;
  readonly steps?: number | undefined;
  readonly epochs?: number | undefined;
  /** Which strategies, separated by commas (clevr). */
  readonly fusion?: string | undefined;
  /** Training pictures, default all (clevr). */
  readonly images?: number | undefined;
  /** Of data, parameters and order (clevr); how many seeds (fusion). */
  readonly seed?: number | undefined;
  readonly seeds?: number | undefined;
  /** A run of minutes that shows that all works (fusion). */
  readonly quick: boolean;
  /** A million vectors too (index). */
  readonly full: boolean;
  /** Only these contestants. */
  readonly only?: readonly string[] | undefined;
  /** Writes its table into the README that it belongs to. */
  readonly write: boolean;
  /** Trains to the goal (web). */
  readonly train: boolean;
  /** Prints the time of each kernel (web). */
  readonly profile: boolean;
}

export interface Bench {
  readonly summary: string;
  run(options: BenchOptions): Promise<void>;
}
