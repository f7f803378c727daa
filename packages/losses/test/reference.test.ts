import * as all from '@chainrule/losses';
import { losses } from '@chainrule/losses/registry';
import { checkGradients, expectClose, loadFixture } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';

interface Plain {
  readonly shape: number[];
  readonly dtype: 'float32' | 'int32';
  readonly data: number[];
}
interface Case {
  readonly loss: keyof typeof functions;
  readonly about: string;
  readonly options: { readonly [option: string]: number };
  readonly prediction: Plain;
  readonly target: Plain;
  readonly weight?: Plain;
  readonly losses: Plain;
  readonly mean: number;
  readonly sum: number;
  readonly gradients: { readonly mean: Plain[]; readonly sum: Plain[] };
}

type Options = { readonly reduction: all.Reduction; readonly weight?: tf.Tensor1D };
type Function = (prediction: never, target: never, options: Options) => tf.Tensor;
const functions = {
  binaryCrossEntropy: all.binaryCrossEntropy,
  cosine: all.cosine,
  crossEntropy: all.crossEntropy,
  halfSquaredError: all.halfSquaredError,
  huber: all.huber,
  meanAbsoluteError: all.meanAbsoluteError,
  meanSquaredError: all.meanSquaredError,
} satisfies { [name: string]: Function };

const { cases } = loadFixture<{ cases: Case[] }>(import.meta.url, 'losses.json');
const tensor = ({ shape, dtype, data }: Plain) => tf.tensor(data, shape, dtype);

function call({ loss, options }: Case, reduction: all.Reduction, weight?: Plain) {
  const f = functions[loss] as Function;
  return (prediction: tf.Tensor, target: tf.Tensor) =>
    f(prediction as never, target as never, {
      ...options,
      reduction,
      ...(weight === undefined ? {} : { weight: tensor(weight) as tf.Tensor1D }),
    });
}

it('has a PyTorch reference for every loss, with and without weights', () => {
  // Losses over all pairs of a batch have a fixture of their own: padding changes every example.
  const pairs = loadFixture<{ cases: { loss: string }[] }>(import.meta.url, 'contrastive.json');
  const elsewhere = new Set(pairs.cases.map(({ loss }) => loss));
  for (const name of losses.names.filter((name) => !elsewhere.has(name))) {
    const weighted = cases.filter(({ loss }) => loss === name).map((c) => 'weight' in c);
    expect(new Set(weighted), name).toEqual(new Set([true, false]));
  }
});

describe.each(cases)('losses.$loss: $about $options', (reference) => {
  const { weight } = reference;

  it('agrees with PyTorch, example by example and reduced', () => {
    tf.tidy(() => {
      const [z, y] = [tensor(reference.prediction), tensor(reference.target)];
      expectClose(call(reference, 'none')(z, y), reference.losses);
      expectClose(call(reference, 'mean', weight)(z, y), reference.mean);
      expectClose(call(reference, 'sum', weight)(z, y), reference.sum);
      if (weight === undefined) return;
      const weighted = reference.losses.data.map((loss, i) => loss * weight.data[i]!);
      expectClose(call(reference, 'none', weight)(z, y), weighted);
    });
  });

  it.each(['mean', 'sum'] as const)('has the gradients of PyTorch, reduction %s', (reduction) => {
    tf.tidy(() => {
      const f = call(reference, reduction, weight);
      const [z, y] = [tensor(reference.prediction), tensor(reference.target)];
      const expected = reference.gradients[reduction];
      const found =
        expected.length === 1
          ? [tf.grad((z) => f(z, y))(z)]
          : tf.grads((z, y) => f(z!, y!))([z, y]);
      expected.forEach((gradient, i) => {
        expectClose(found[i]!, gradient);
      });
    });
  });

  it('has the gradients that finite differences give', () => {
    // Logits of 10⁴ are beyond differences in float32.
    if (reference.about.startsWith('extreme') || reference.about.startsWith('sizes')) return;
    tf.tidy(() => {
      const [z, y] = [tensor(reference.prediction), tensor(reference.target)];
      const f = call(reference, 'none', weight);
      if (reference.gradients.mean.length === 1) checkGradients((z) => f(z, y), z);
      else checkGradients(({ z, y }) => f(z, y), { z, y });
    });
  });
});
