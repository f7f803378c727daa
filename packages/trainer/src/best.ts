import { ChainruleError, disposeTree, nearestName, type Params } from '@chainrule/tensor';
import type { Measures } from './events.js';

/** Which epoch is best, and when to stop waiting for a better one. */
export interface Watch {
  /** A metric of the validation data (of the training data where there is none). Default `loss`. */
  readonly metric?: string;
  /** Default `max` for metrics named `accuracy` or `recall`, else `min`. */
  readonly mode?: 'min' | 'max';
  /** Stop after this many epochs without improvement. Default: never. */
  readonly patience?: number;
  /** By how much a better value must be better. Default 0. */
  readonly minDelta?: number;
}

/** The best parameters so far; it owns them. */
export interface Best<P extends Params> {
  readonly params: P;
  /** The epoch they are from; 0 before the first. */
  readonly epoch: number;
  /** Takes `params` over: keeps them where `measures` are better, else disposes them. */
  offer(params: P, epoch: number, measures: Measures): boolean;
}

/** Keeps the best parameters, beginning with the `initial` ones, which it takes over. */
export function keepBest<P extends Params>(watch: Watch, initial: P): Best<P> {
  const { metric = 'loss', minDelta = 0 } = watch;
  const { mode = /accuracy|recall/i.test(metric) ? 'max' : 'min' } = watch;
  let best = { params: initial, epoch: 0, value: mode === 'min' ? Infinity : -Infinity };
  return {
    get params() {
      return best.params;
    },
    get epoch() {
      return best.epoch;
    },
    offer(params, epoch, measures) {
      const value = measures[metric];
      if (value === undefined) {
        disposeTree(params);
        const names = Object.keys(measures);
        const nearest = nearestName(metric, names);
        const hint = nearest === undefined ? '' : `. Did you mean "${nearest}"?`;
        throw new ChainruleError(
          'OPTION',
          `train: there is no metric "${metric}" to watch; there are ${names.join(', ')}${hint}`,
        );
      }
      // NaN is never better.
      const better = mode === 'min' ? best.value - value > minDelta : value - best.value > minDelta;
      disposeTree(better ? best.params : params);
      if (better) best = { params, epoch, value };
      return better;
    },
  };
}
