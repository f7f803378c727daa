import type { Config } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  type AdamState,
  adamw,
  addDecayedWeights,
  applyStep,
  chain,
  clipByGlobalNorm,
  cosine,
  everyLeaf,
  type GradientTransformation,
  globalNorm,
  kernelsOnly,
  type LearningRateState,
  linear,
  momentum,
  type OptState,
  oneCycle,
  scaleByAdam,
  scaleByLearningRate,
  schedule,
  sgd,
  step,
  type TensorTree,
  type TraceState,
} from '../src/index.js';
import { schedules, transformations } from '../src/registry.js';

describe('types', () => {
  it('infer the state of a chain', () => {
    const transformation = chain(clipByGlobalNorm(), scaleByAdam(), momentum({ learningRate: 1 }));
    expectTypeOf(transformation).toEqualTypeOf<
      GradientTransformation<
        readonly [OptState, AdamState, readonly [TraceState, LearningRateState]]
      >
    >();
    expectTypeOf(transformation).toExtend<GradientTransformation>();
  });

  it('keep the type of the tree', () => {
    const params = { w: tf.tensor1d([1, 2]), b: tf.scalar(0) };
    const optimizer = adamw();
    const [next, state] = applyStep(optimizer, params, optimizer.init(params), params);
    expectTypeOf(next).toEqualTypeOf<typeof params>();
    expectTypeOf(state).toEqualTypeOf<readonly [AdamState, TensorTree, LearningRateState]>();
  });
});

describe('masks', () => {
  const decayed = (mask: string | RegExp | undefined, paths: Record<string, tf.Tensor>) => {
    const transformation = addDecayedWeights(
      mask === undefined ? { weightDecay: 1 } : { weightDecay: 1, mask },
    );
    const zero = Object.fromEntries(Object.keys(paths).map((path) => [path, tf.scalar(0)]));
    const [updates] = transformation.update(zero, {}, paths as typeof zero);
    return Object.entries(updates).flatMap(([path, leaf]) =>
      leaf.dataSync()[0] === 0 ? [] : [path],
    );
  };
  const one = tf.scalar(1);
  const paths = { kernel: one, recurrent: one, bias: one, embedding: one, kernelShift: one };

  it('select leaves by path', () => {
    expect(decayed(undefined, paths)).toEqual(Object.keys(paths));
    expect(decayed(everyLeaf, paths)).toEqual(Object.keys(paths));
    expect(decayed(kernelsOnly, paths)).toEqual(['kernel', 'recurrent']);
    expect(decayed(/^emb/, paths)).toEqual(['embedding']);
  });

  it('are plain text in the config', () => {
    expect(addDecayedWeights({ mask: /a\/b/ }).config).toEqual({
      type: 'addDecayedWeights',
      weightDecay: 0.01,
      mask: 'a\\/b',
    });
  });

  it('are refused with flags or where they do not parse', () => {
    expect(() => addDecayedWeights({ mask: /kernel/i })).toThrow('flags are not supported');
    expect(() => adamw({ mask: '(' })).toThrow('optim.adamw: mask ( is not usable');
  });
});

describe('globalNorm', () => {
  it('runs over every leaf', () => {
    const norm = globalNorm({ a: tf.tensor1d([1, 2]), b: [tf.scalar(2)] });
    expect(norm.dataSync()[0]).toBe(3);
    expect(globalNorm({}).dataSync()[0]).toBe(0);
  });
});

describe('options out of range', () => {
  const cases: [string, () => unknown][] = [
    [
      'optim.sgd: learningRate must be at least 0, got NaN',
      () => sgd({ learningRate: Number.NaN }),
    ],
    ['optim.scaleByAdam: beta2 must be at least 0 and less than 1', () => adamw({ beta2: 1 })],
    ['optim.trace: decay must be', () => momentum({ learningRate: 1, decay: -0.1 })],
    ['optim.clipByGlobalNorm: maxNorm must be positive', () => clipByGlobalNorm({ maxNorm: 0 })],
    ['optim.linear: steps must be positive', () => linear({ from: 1, to: 0, steps: 0 })],
    ['optim.step: milestones must ascend', () => step({ initial: 1, milestones: [4, 4] })],
    ['optim.cosine: warmup must be at most', () => cosine({ peak: 1, steps: 5, warmup: 6 })],
    ['optim.oneCycle: warmup must be in 0..1', () => oneCycle({ peak: 1, steps: 5, warmup: 6 })],
  ];
  for (const [message, make] of cases) {
    it(message, () => expect(make).toThrow(message));
  }
});

describe('schedules', () => {
  const at = (rate: (count: tf.Scalar) => tf.Scalar, count: number) =>
    rate(tf.scalar(count, 'int32')).dataSync()[0];

  it('may be written by hand', () => {
    const decay = schedule({ type: 'inverse' }, (count) => tf.div(1, tf.add(count, 1)));
    expect(at(decay, 3)).toBe(0.25);
    const [updates, state] = scaleByLearningRate({ learningRate: decay }).update(
      tf.scalar(8),
      { count: tf.scalar(1, 'int32') },
      tf.scalar(0),
    );
    expect(updates.dataSync()[0]).toBe(-4);
    expect(state.count.dtype).toBe('int32');
    expect(state.count.dataSync()[0]).toBe(2);
  });

  it('stay at their end, and have phases of no length', () => {
    expect(at(linear({ from: 1, to: 0.5, steps: 4 }), 100)).toBe(0.5);
    expect(at(cosine({ peak: 1, steps: 4, warmup: 4, end: 0.25 }), 4)).toBe(0.25);
    expect(at(oneCycle({ peak: 1, steps: 3 }), 0)).toBe(1);
    expect(at(oneCycle({ peak: 1, steps: 1 }), 0)).toBeCloseTo(1 / 25 / 1e4);
    expect(at(oneCycle({ peak: 1, steps: 30, finalDivFactor: 10 }), 1000)).toBeCloseTo(1 / 250);
  });
});

describe('registry', () => {
  it('suggests the nearest name', () => {
    expect(() => transformations.create('adamW2')).toThrow('Did you mean "adamw"?');
    expect(() => schedules.create('cosin')).toThrow('Did you mean "cosine"?');
    const config = { type: 'sgd', learningRate: { type: 'onecycle' } };
    expect(() => transformations.fromConfig(config)).toThrow('Did you mean "oneCycle"?');
  });

  it('names the option that is wrong', () => {
    expect(() => transformations.create('sgd')).toThrow(/^optim\.sgd: .*learningRate/);
    expect(() => transformations.create('adam', { beta: 1 })).toThrow('"beta"');
    expect(() => transformations.create('clipByValue', { maxValue: -1 })).toThrow('maxValue');
  });

  it('rebuilds a chain within a chain', () => {
    const optimizer = chain(
      clipByGlobalNorm({ maxNorm: 5 }),
      chain(adamw({ learningRate: oneCycle({ peak: 3e-3, steps: 100 }), mask: kernelsOnly })),
    );
    const config = JSON.parse(JSON.stringify(optimizer.config)) as Config;
    expect(transformations.fromConfig(config).config).toEqual(optimizer.config);
  });

  it('describes every option with its default', () => {
    const adam = transformations.describe().find(({ name }) => name === 'adam')!;
    expect(adam.options.map((option) => [option.name, option.default])).toEqual([
      ['learningRate', 1e-3],
      ['beta1', 0.9],
      ['beta2', 0.999],
      ['epsilon', 1e-8],
    ]);
    for (const { options } of [...transformations.describe(), ...schedules.describe()]) {
      for (const option of options) expect(option.description, option.name).toBeTruthy();
    }
  });
});
