import type { ChainruleError, Params } from '@chainrule/tensor';

/** Means over examples, by name; `loss` is always there. */
export type Measures = { readonly loss: number } & { readonly [name: string]: number };

/** One pass over the training data, and what the validation data said after it. */
export interface EpochSummary {
  /** From 1. */
  readonly epoch: number;
  readonly train: Measures;
  readonly validation?: Measures;
  /** Of training alone, validation not counted. */
  readonly seconds: number;
  /** True where this epoch is the best so far by the watched metric. */
  readonly best: boolean;
}

export interface StepEvent {
  readonly type: 'step';
  readonly epoch: number;
  /** Steps since the beginning of training, from 1. */
  readonly step: number;
  /** Steps since the beginning of this epoch, from 1. */
  readonly stepInEpoch: number;
  readonly examples: number;
  readonly measures: Measures;
}

/** What `train()` yields. Progress bars, charts, checkpoints and logs consume the same events. */
export type TrainEvent =
  | {
      readonly type: 'start';
      readonly epochs: number;
      readonly stepsPerEpoch: number;
      readonly examples: number;
      readonly parameters: number;
      readonly executor: string;
      readonly backend: string;
    }
  | StepEvent
  | ({ readonly type: 'epoch' } & EpochSummary)
  | { readonly type: 'stop'; readonly reason: StopReason };

/** Why training ended. */
export type StopReason = 'completed' | 'early' | 'aborted';

/** What `train()` returns. The tensors are the caller's, to use and to dispose. */
export interface TrainResult<P extends Params = Params> {
  /** The best parameters by the watched metric, or the last ones with `keep: 'last'`. */
  readonly params: P;
  readonly reason: StopReason | 'diverged';
  readonly history: readonly EpochSummary[];
  /** The epoch whose parameters `params` are; 0 where not one was completed. */
  readonly bestEpoch: number;
  readonly steps: number;
  /** Of training alone, validation not counted. */
  readonly seconds: number;
}

/** Thrown where training can not go on. `result` holds what had been learnt until then. */
export interface TrainingFailure<P extends Params = Params> extends ChainruleError {
  readonly result: TrainResult<P>;
}
