import { ChainruleError, type Config } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { checkAtLeast, checkPositive } from './check.js';
import { tidy } from './tidy.js';

/**
 * A number that changes as training goes on: a function of the count of updates made so far (0 for
 * the first). It is built of tensor operations, so that a recorded step computes it anew each time.
 */
export interface Schedule {
  (count: tf.Scalar): tf.Scalar;
  /** Plain JSON; the registry rebuilds this very schedule from it. */
  readonly config: Config;
}

/** Wherever a schedule is taken, a number is too. */
export type LearningRate = number | Schedule;

/**
 * Makes a schedule of your own from a function of the count (float32) and the config that names it.
 *
 * @example
 * import { schedule, sgd } from '@chainrule/optim';
 * import * as tf from '@tensorflow/tfjs';
 *
 * const inverse = schedule({ type: 'inverse' }, (count) => tf.div(0.1, tf.add(count, 1)));
 * const optimizer = sgd({ learningRate: inverse });
 */
export function schedule(config: Config, rate: (count: tf.Scalar) => tf.Scalar): Schedule {
  return Object.assign((count: tf.Scalar) => tidy(() => rate(tf.cast(count, 'float32'))), {
    config,
  });
}

/** The rate at a count. */
export function rateAt(rate: LearningRate, count: tf.Scalar): tf.Scalar {
  return typeof rate === 'number' ? tf.scalar(rate) : rate(count);
}

/** The plain JSON of a rate. */
export function rateConfig(rate: LearningRate): number | Config {
  return typeof rate === 'number' ? rate : rate.config;
}

/** @throws ChainruleError `OPTION` where a rate that is a number is not finite and positive (or 0). */
export function checkRate(where: string, rate: LearningRate): void {
  if (typeof rate === 'number') checkAtLeast(where, 'learningRate', rate, 0);
}

/** (count − start) / length, held to [0, 1]. A phase of no length is over at once. */
function progress(count: tf.Scalar, start: number, length: number): tf.Scalar {
  if (length <= 0) return tf.scalar(1);
  return tf.clipByValue(tf.div(tf.sub(count, start), length), 0, 1);
}

const lerp = (from: number, to: number, p: tf.Scalar): tf.Scalar =>
  tf.add(tf.mul(p, to - from), from);

/**
 * Half a cosine wave: to + (from − to)·½(1 + cos πp). Written as cos²(πp/2), which keeps its
 * precision in float32 where the rate gets small.
 */
const halfCosine = (from: number, to: number, p: tf.Scalar): tf.Scalar =>
  tf.add(tf.mul(tf.square(tf.cos(tf.mul(p, Math.PI / 2))), from - to), to);

/** While count < boundary the one, from then on the other. */
const before = (count: tf.Scalar, boundary: number, a: tf.Scalar, b: tf.Scalar): tf.Scalar =>
  tf.where(tf.less(count, boundary), a, b);

export interface ConstantOptions {
  readonly rate: number;
}

/**
 * The same rate at every step. A plain number does the same.
 *
 * @example
 * import { constant, sgd } from '@chainrule/optim';
 *
 * const optimizer = sgd({ learningRate: constant({ rate: 0.1 }) });
 */
export function constant(options: ConstantOptions): Schedule {
  checkAtLeast('optim.constant', 'rate', options.rate, 0);
  return schedule({ type: 'constant', ...options }, () => tf.scalar(options.rate));
}

export interface LinearOptions {
  readonly from: number;
  readonly to: number;
  /** Updates until `to` is reached. */
  readonly steps: number;
}

/**
 * A straight line from one rate to another, which is kept from then on.
 *
 * @example
 * import { linear, sgd } from '@chainrule/optim';
 *
 * const optimizer = sgd({ learningRate: linear({ from: 0.1, to: 0, steps: 500 }) });
 */
export function linear(options: LinearOptions): Schedule {
  const { from, to, steps } = options;
  checkPositive('optim.linear', 'steps', steps);
  return schedule({ type: 'linear', ...options }, (count) =>
    lerp(from, to, progress(count, 0, steps)),
  );
}

export interface StepOptions {
  /** The rate until the first milestone. */
  readonly initial: number;
  /** Counts of updates, ascending, from which on the rate is multiplied once more. */
  readonly milestones: readonly number[];
  /** Default 0.1. */
  readonly factor?: number;
}

/**
 * Piecewise constant: initial · factor^(number of milestones ≤ count).
 *
 * @example
 * import { sgd, step } from '@chainrule/optim';
 *
 * const optimizer = sgd({ learningRate: step({ initial: 0.1, milestones: [300, 400] }) });
 */
export function step(options: StepOptions): Schedule {
  const config = { type: 'step', factor: 0.1, ...options } as const;
  const { initial, milestones, factor } = config;
  if (milestones.some((milestone, i) => i > 0 && milestone <= milestones[i - 1]!)) {
    throw new ChainruleError(
      'OPTION',
      `optim.step: milestones must ascend, got [${milestones.join(', ')}]`,
    );
  }
  return schedule(config, (count) => {
    // From the last piece back, so that each rate is one constant with no rounding between.
    let rate = tf.scalar(initial * factor ** milestones.length);
    for (let i = milestones.length - 1; i >= 0; i--) {
      rate = before(count, milestones[i]!, tf.scalar(initial * factor ** i), rate);
    }
    return rate;
  });
}

export interface CosineOptions {
  /** The highest rate, at the end of the warm-up. */
  readonly peak: number;
  /** All updates, those of the warm-up included. */
  readonly steps: number;
  /** Updates during which the rate rises in a straight line; default 0. */
  readonly warmup?: number;
  /** The rate at the first update of the warm-up; default 0. */
  readonly start?: number;
  /** The rate after `steps`; default 0. */
  readonly end?: number;
}

/**
 * Linear warm-up, then cosine decay (Loshchilov and Hutter, 2017, without restarts):
 * end + (peak − end)·½(1 + cos π(count − warmup)/(steps − warmup)).
 *
 * @example
 * import { cosine, sgd } from '@chainrule/optim';
 *
 * const optimizer = sgd({ learningRate: cosine({ peak: 3e-3, steps: 1000, warmup: 100 }) });
 */
export function cosine(options: CosineOptions): Schedule {
  const config = { type: 'cosine', warmup: 0, start: 0, end: 0, ...options } as const;
  const { peak, steps, warmup, start, end } = config;
  checkPositive('optim.cosine', 'steps', steps);
  checkAtLeast('optim.cosine', 'warmup', warmup, 0);
  if (warmup > steps) {
    throw new ChainruleError(
      'OPTION',
      `optim.cosine: warmup must be at most steps, got ${warmup} of ${steps}`,
    );
  }
  return schedule(config, (count) => {
    const decay = halfCosine(peak, end, progress(count, warmup, steps - warmup));
    return warmup === 0
      ? decay
      : before(count, warmup, lerp(start, peak, progress(count, 0, warmup)), decay);
  });
}

export interface OneCycleOptions {
  /** The highest rate. */
  readonly peak: number;
  /** All updates. */
  readonly steps: number;
  /** The part of `steps` during which the rate rises; default 0.3. */
  readonly warmup?: number;
  /** The first rate is peak / divFactor; default 25. */
  readonly divFactor?: number;
  /** The last rate is the first divided by finalDivFactor; default 10,000. */
  readonly finalDivFactor?: number;
}

/**
 * One cycle (Smith and Topin, 2018): half a cosine wave up, then another one down far below the
 * start. The rates are those of PyTorch's `OneCycleLR` with its default cosine annealing and two
 * phases; momentum is not cycled (`cycle_momentum=False`). After `steps` the last rate stays.
 *
 * @example
 * import { oneCycle, sgd } from '@chainrule/optim';
 *
 * const optimizer = sgd({ learningRate: oneCycle({ peak: 3e-3, steps: 1000 }) });
 */
export function oneCycle(options: OneCycleOptions): Schedule {
  const config = {
    type: 'oneCycle',
    warmup: 0.3,
    divFactor: 25,
    finalDivFactor: 1e4,
    ...options,
  } as const;
  const { peak, steps, warmup, divFactor, finalDivFactor } = config;
  for (const name of ['peak', 'steps', 'divFactor', 'finalDivFactor'] as const) {
    checkPositive('optim.oneCycle', name, config[name]);
  }
  if (!(warmup >= 0 && warmup <= 1)) {
    throw new ChainruleError('OPTION', `optim.oneCycle: warmup must be in 0..1, got ${warmup}`);
  }
  const first = peak / divFactor;
  const last = first / finalDivFactor;
  const top = warmup * steps - 1;
  return schedule(config, (count) => {
    const down = halfCosine(
      peak,
      last,
      progress(count, Math.max(top, 0), steps - 1 - Math.max(top, 0)),
    );
    return top <= 0
      ? down
      : before(count, top, halfCosine(first, peak, progress(count, 0, top)), down);
  });
}
