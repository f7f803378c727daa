import { entry, type Registry, registry } from '@chainrule/tensor/registry';
import { z } from 'zod';
import { adam, adamw } from './adam.js';
import { addDecayedWeights, decayDefaults } from './add-decayed-weights.js';
import { chain } from './chain.js';
import { clipByGlobalNorm, clipByValue } from './clip.js';
import { momentum, nesterov } from './momentum.js';
import { adamDefaults, scaleByAdam } from './scale-by-adam.js';
import { scaleByLearningRate } from './scale-by-learning-rate.js';
import { constant, cosine, linear, oneCycle, type Schedule, step } from './schedules.js';
import { sgd } from './sgd.js';
import { trace } from './trace.js';
import type { GradientTransformation } from './transformation.js';

const number = (text: string) => z.number().describe(text);
const count = (text: string) => z.number().int().nonnegative().describe(text);

/** Every schedule by name: `schedules.fromConfig(schedule.config)` rebuilds it. */
export const schedules: Registry<Schedule> = registry<Schedule>('optim.schedules', {
  constant: entry(
    'The same rate at every step',
    z.object({ rate: number('The rate').nonnegative() }),
    constant,
  ),
  linear: entry(
    'A straight line from one rate to another',
    z.object({
      from: number('The first rate'),
      to: number('The last rate'),
      steps: count('Updates until the last rate is reached').positive(),
    }),
    linear,
  ),
  step: entry(
    'Piecewise constant: multiplied by a factor at each milestone',
    z.object({
      initial: number('The rate until the first milestone'),
      milestones: z.array(z.number()).describe('Counts of updates, ascending'),
      factor: number('What the rate is multiplied by').default(0.1),
    }),
    step,
  ),
  cosine: entry(
    'Linear warm-up, then cosine decay',
    z.object({
      peak: number('The highest rate'),
      steps: count('All updates, warm-up included').positive(),
      warmup: count('Updates of linear warm-up').default(0),
      start: number('The rate at the first update of the warm-up').default(0),
      end: number('The rate after all updates').default(0),
    }),
    cosine,
  ),
  oneCycle: entry(
    'Half a cosine wave up, another one down far below the start',
    z.object({
      peak: number('The highest rate').positive(),
      steps: count('All updates').positive(),
      warmup: number('The part of the steps in which the rate rises').min(0).max(1).default(0.3),
      divFactor: number('The first rate is peak / divFactor').positive().default(25),
      finalDivFactor: number('The last rate is the first / finalDivFactor').positive().default(1e4),
    }),
    oneCycle,
  ),
});

const rate = z.union([z.number().nonnegative(), z.looseObject({ type: z.string() })]);
const toRate = (given: z.output<typeof rate>) =>
  typeof given === 'number' ? given : schedules.fromConfig(given);
const rateText = 'α: a number, or the config of a schedule';
const learningRate = rate.transform(toRate).describe(rateText);
const defaultLearningRate = rate.default(1e-3).transform(toRate).describe(rateText);

const moments = {
  beta1: number('β₁, the decay of the mean of gradients').min(0).lt(1).default(adamDefaults.beta1),
  beta2: number('β₂, the decay of the mean of squared gradients')
    .min(0)
    .lt(1)
    .default(adamDefaults.beta2),
  epsilon: number('ε, added to the root').nonnegative().default(adamDefaults.epsilon),
};

const decay = {
  weightDecay: number('λ, the rate of weight decay')
    .nonnegative()
    .default(decayDefaults.weightDecay),
  mask: z
    .string()
    .describe('Regular expression: the paths of the leaves that decay')
    .default(decayDefaults.mask),
};

const momentumOptions = z.object({
  learningRate,
  decay: number('μ, how much of the trace is kept').min(0).lt(1).default(0.9),
});

/**
 * Every transformation by name: `transformations.fromConfig(optimizer.config)` rebuilds it.
 *
 * @example
 * import { transformations } from '@chainrule/optim/registry';
 *
 * const optimizer = transformations.create('adamw', {
 *   learningRate: { type: 'oneCycle', peak: 3e-3, steps: 1000 },
 * });
 * console.log(JSON.stringify(optimizer.config));
 */
export const transformations: Registry<GradientTransformation> = registry<GradientTransformation>(
  'optim',
  {
    chain: entry(
      'Transformations one after the other',
      z.object({
        transformations: z
          .array(z.looseObject({ type: z.string() }))
          .describe('The configs of the transformations'),
      }),
      ({ transformations: configs }) =>
        chain(...configs.map((config) => transformations.fromConfig(config))),
    ),
    sgd: entry('Gradient descent', z.object({ learningRate }), sgd),
    momentum: entry('Gradient descent with momentum', momentumOptions, momentum),
    nesterov: entry('Gradient descent with Nesterov momentum', momentumOptions, nesterov),
    adam: entry('Adam', z.object({ learningRate: defaultLearningRate, ...moments }), adam),
    adamw: entry(
      'Adam with decoupled weight decay',
      z.object({ learningRate: defaultLearningRate, ...moments, ...decay }),
      adamw,
    ),
    scaleByAdam: entry(
      "Adam's direction, without the learning rate",
      z.object(moments),
      scaleByAdam,
    ),
    trace: entry(
      "Momentum's direction, without the learning rate",
      z.object({
        decay: momentumOptions.shape.decay,
        nesterov: z.boolean().describe('Look ahead by one step').default(false),
      }),
      trace,
    ),
    scaleByLearningRate: entry('Times −α', z.object({ learningRate }), scaleByLearningRate),
    addDecayedWeights: entry('Adds λ times the weights', z.object(decay), addDecayedWeights),
    clipByGlobalNorm: entry(
      'Scales all leaves down to a norm',
      z.object({ maxNorm: number('The largest norm').positive().default(1) }),
      clipByGlobalNorm,
    ),
    clipByValue: entry(
      'Limits every element',
      z.object({ maxValue: number('The largest magnitude').positive().default(1) }),
      clipByValue,
    ),
  },
);
