import { ChainruleError, disposeTree, type Params } from '@chainrule/tensor';
import type { Measures } from './events.js';

/** Which epoch is best, and when to stop waiting for a better one. */
export interface Watch {
  /** A metric of the validation data (of the training data where there is none). Default `loss`. */
  readonly metric?: string;
  /** Default `max` for metrics named `accuracy`, else `min`. */
  readonly mode?: 'min' | 'max';
  /** Stop after this many epochs without improvement. Default: never. */
  readonly patience?: number;
  /** By how much a better value must be better. Default 0. */
  readonly minDelta?: number;
}

/** Keeps the best parameters; owns them. */
export class Best<P extends Params> {
  epoch = 0;
  private value: number | undefined;
  private readonly metric: string;
  private readonly sign: 1 | -1;

  constructor(
    private readonly watch: Watch = {},
    public params: P,
  ) {
    this.metric = watch.metric ?? 'loss';
    this.sign = (watch.mode ?? (/accuracy/i.test(this.metric) ? 'max' : 'min')) === 'min' ? 1 : -1;
  }

  /** Takes `params` over: keeps them where `measures` are better, else disposes them. */
  offer(params: P, epoch: number, measures: Measures): boolean {
    const value = measures[this.metric];
    if (value === undefined) {
      disposeTree(params);
      throw new ChainruleError(
        'OPTION',
        `train: there is no metric "${this.metric}" to watch; there are ${Object.keys(measures).join(', ')}`,
      );
    }
    const better =
      this.value === undefined || this.sign * (this.value - value) > (this.watch.minDelta ?? 0);
    if (better) {
      this.value = value;
      this.take(params, epoch);
    } else {
      disposeTree(params);
    }
    return better;
  }

  take(params: P, epoch: number): void {
    disposeTree(this.params);
    this.params = params;
    this.epoch = epoch;
  }

  exhausted(epoch: number): boolean {
    return this.watch.patience !== undefined && epoch - this.epoch >= this.watch.patience;
  }
}
