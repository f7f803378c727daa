import { xorOfModalities } from '@chainrule/data';
import { evaluateMissing, gradientShares, reliance, shuffled } from '@chainrule/diagnose';
import { type FusionFactory, mean, product } from '@chainrule/fusion';
import { adam } from '@chainrule/optim';
import { type Batch, disposeTree, type Encoder, key, mlp, type Params } from '@chainrule/tensor';
import {
  type Batches,
  classification,
  evaluate,
  finish,
  multimodal,
  type TrainEvent,
  train,
} from '@chainrule/trainer';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';

beforeAll(() => tf.setBackend('cpu'));

/** A linear encoder of one number. */
function linear(): Encoder<tf.Tensor2D> {
  const layer = mlp({ in: 1, out: 4 });
  return {
    config: { type: 'linear' },
    width: 4,
    init: (key) => layer.init(key),
    apply: (params, x) => ({ vector: layer.apply(params as never, x) }),
  };
}

function model(fusion: FusionFactory = product) {
  return multimodal({
    encoders: { image: linear() as Encoder, text: linear() as Encoder },
    fusion,
    head: (width) => mlp({ in: width, out: 2 }),
  });
}

/** What the XOR data say, as numbers −1 and 1; the target is that of the XOR, or one modality's bit. */
function batches(target: 'xor' | 'image', options: { weight?: boolean } = {}): Batches {
  const { examples } = xorOfModalities({ seed: 1, examples: { train: 64, test: 4 } }).train;
  const bits = examples.map((example) => example.bits);
  const column = (m: 0 | 1) => tf.tensor2d(bits.map((pair) => [2 * pair[m] - 1]));
  return {
    size: 64,
    stepsPerEpoch: 1,
    *epoch(): Generator<Batch> {
      yield {
        inputs: { image: column(0), text: column(1) },
        target: tf.tensor1d(
          bits.map(([a, b]) => (target === 'xor' ? a ^ b : a)),
          'int32',
        ),
        ...(options.weight && {
          weight: tf.tensor1d(bits.map((_, i) => (i < 32 ? 1 : 0))),
        }),
      };
    },
  };
}

const objective = classification();

async function trained(target: 'xor' | 'image', fusion?: FusionFactory) {
  const own = model(fusion);
  const { params } = await finish(
    train({
      model: own,
      objective,
      optimizer: adam({ learningRate: 0.05 }),
      data: batches(target),
      epochs: 60,
      seed: 1,
    }),
  );
  return { model: own, params };
}

describe('reliance', () => {
  it('shows that the XOR needs both modalities', async () => {
    const { model, params } = await trained('xor');
    const found = await reliance({
      ...{ model, params, objective, data: batches('xor') },
      modalities: ['image', 'text'],
    });
    expect(found.intact.accuracy).toBe(1);
    expect(Math.abs(found.shuffled.image!.accuracy! - 0.5)).toBeLessThan(0.2);
    expect(Math.abs(found.shuffled.text!.accuracy! - 0.5)).toBeLessThan(0.2);
    disposeTree(params);
  });

  it('shows which modality a model does not use', async () => {
    const { model, params } = await trained('image', mean);
    const found = await reliance({
      ...{ model, params, objective, data: batches('image') },
      modalities: ['image', 'text'],
    });
    expect(found.shuffled.text!.accuracy).toBe(1);
    expect(found.shuffled.image!.accuracy).toBeLessThan(0.8);
    disposeTree(params);
  });
});

describe('shuffled', () => {
  it('permutes the rows of one modality among the real examples', async () => {
    const data = batches('xor', { weight: true });
    for await (const batch of shuffled(data, 'text', 3).epoch(0)) {
      const rows = [...(await batch.rows!.text!.data())];
      expect(rows.slice(32)).toEqual(Array.from({ length: 32 }, (_, i) => 32 + i));
      expect(rows.slice(0, 32)).not.toEqual(Array.from({ length: 32 }, (_, i) => i));
      expect(rows.slice(0, 32).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 32 }, (_, i) => i),
      );
      disposeTree(batch as never);
    }
  });

  it('is decided by the seed', async () => {
    const rows = async (seed: number) => {
      for await (const batch of shuffled(batches('xor'), 'text', seed).epoch(0)) {
        const values = [...(await batch.rows!.text!.data())];
        disposeTree(batch as never);
        return values;
      }
    };
    expect(await rows(1)).toEqual(await rows(1));
    expect(await rows(1)).not.toEqual(await rows(2));
  });
});

describe('evaluateMissing', () => {
  const measured = async (
    fusion: FusionFactory,
    missing: Parameters<typeof evaluateMissing>[1],
    target: 'xor' | 'image' = 'image',
  ) => {
    const { model, params } = await trained(target, fusion);
    const data = batches(target);
    const found = await evaluateMissing({ model, params, objective, data }, missing);
    disposeTree(params);
    return found;
  };

  it.each([
    ['mean, which uses masks', mean],
    ['product, which gets zeros', product],
  ] as const)('takes modalities from %s', async (_, fusion) => {
    const { model, params } = await trained('xor', fusion);
    const whole = await evaluate({ model, params, objective, data: batches('xor') });
    const none = await evaluateMissing(
      { model, params, objective, data: batches('xor') },
      { rate: 0 },
    );
    expect(none.loss).toBeCloseTo(whole.loss, 5);
    const blind = await evaluateMissing(
      { model, params, objective, data: batches('xor') },
      { rate: 1, modality: 'image' },
    );
    expect(Math.abs(blind.accuracy! - 0.5)).toBeLessThan(0.2);
    disposeTree(params);
  });

  it('does not hurt a model that does not use what is missing', async () => {
    const { accuracy } = await measured(mean, { rate: 1, modality: 'text' });
    expect(accuracy).toBe(1);
  });

  it('takes more from a higher rate', async () => {
    const { model, params } = await trained('xor');
    const given = { model, params, objective, data: batches('xor') };
    const some = await evaluateMissing(given, { rate: 0.3 });
    const most = await evaluateMissing(given, { rate: 0.9 });
    expect(some.accuracy).toBeLessThan(1);
    expect(most.accuracy).toBeLessThan(some.accuracy!);
    disposeTree(params);
  });

  it('refuses an unknown modality and a rate that is none', async () => {
    const own = model();
    const params = own.init(key(0));
    const given = { model: own, params, objective, data: batches('xor') };
    await expect(evaluateMissing(given, { rate: 0.5, modality: 'audio' })).rejects.toThrow(
      'modality must be one of image, text, got "audio"',
    );
    await expect(evaluateMissing(given, { rate: 2 })).rejects.toThrow('rate must be');
    disposeTree(params);
  });
});

describe('gradientShares', () => {
  const events = async (target: 'xor' | 'image') => {
    const watched = gradientShares(adam({ learningRate: 0.05 }));
    const seen: TrainEvent[] = [];
    const run = train({
      model: model(mean),
      objective,
      data: batches(target),
      epochs: 5,
      ...watched,
    });
    for (;;) {
      const { value, done } = await run.next();
      if (done) {
        disposeTree(value.params as Params);
        return seen;
      }
      seen.push(value);
    }
  };

  it('reports shares that add up to 1, in steps and epochs', async () => {
    for (const event of await events('xor')) {
      if (event.type !== 'step' && event.type !== 'epoch') continue;
      const measures = event.type === 'step' ? event.measures : event.train;
      expect(measures['gradient/image']! + measures['gradient/text']!).toBeCloseTo(1, 5);
    }
  });

  it('changes nothing of the training', async () => {
    const own = model(mean);
    const plain = adam({ learningRate: 0.05 });
    const losses = async (options: object) => {
      const result = await finish(
        train({
          model: own,
          objective,
          data: batches('image'),
          epochs: 3,
          optimizer: plain,
          ...options,
        }),
      );
      disposeTree(result.params as Params);
      return result.history.map(({ train }) => train.loss);
    };
    expect(await losses(gradientShares(plain))).toEqual(await losses({}));
  });

  it('leaves the validation data alone, which have no gradient', async () => {
    const watched = gradientShares(adam({ learningRate: 0.05 }));
    const data = batches('xor');
    const options = { model: model(mean), objective, data, validation: data, epochs: 2 };
    const { params, history } = await finish(train({ ...options, ...watched }));
    expect(history.map(({ validation }) => Object.keys(validation!).sort())).toEqual([
      ['accuracy', 'loss'],
      ['accuracy', 'loss'],
    ]);
    disposeTree(params as Params);
  });

  it('shows which modality is learnt from', async () => {
    const last = (await events('image')).filter(({ type }) => type === 'epoch').at(-1)!;
    expect(last.type === 'epoch' && last.train['gradient/image']).toBeGreaterThan(0.6);
  });

  it('says so where there are no encoders', () => {
    const { optimizer } = gradientShares(adam({ learningRate: 0.1 }));
    tf.tidy(() => {
      const params = { w: tf.scalar(1) };
      expect(() => optimizer.update(params, optimizer.init(params), params)).toThrow(
        'there are no encoders among the parameters',
      );
    });
  });
});

describe('memory', () => {
  it('is given back', async () => {
    const own = model(mean);
    const params = own.init(key(0));
    const given = { model: own, params, objective };
    const before = tf.memory().numTensors;
    await reliance({ ...given, data: batches('xor'), modalities: ['image', 'text'] });
    await evaluateMissing({ ...given, data: batches('xor', { weight: true }) }, { rate: 0.5 });
    expect(tf.memory().numTensors).toBe(before);
    disposeTree(params);
  });
});
