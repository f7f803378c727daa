import * as all from '@chainrule/losses';
import { losses } from '@chainrule/losses/registry';
import { checkGradients, expectClose, loadFixture } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';

interface Case {
  readonly loss: keyof typeof functions;
  readonly about: string;
  readonly options: { readonly [option: string]: number | string };
  readonly image: number[][];
  readonly text: number[][];
  readonly weight?: number[];
  readonly labels?: number[];
  readonly losses: number[];
  readonly mean: number;
  readonly gradients: { readonly [input: string]: number[][] | number };
}
type Options = all.PairOptions & { readonly [option: string]: unknown };
type Function = (image: tf.Tensor2D, text: tf.Tensor2D, options: Options) => tf.Scalar;
const functions = {
  infoNce: all.infoNce as Function,
  siglip: all.siglip as Function,
  triplet: all.triplet as Function,
};
const { cases } = loadFixture<{ cases: Case[] }>(import.meta.url, 'contrastive.json');

function call({ loss, options, weight, labels }: Case, reduction: all.Reduction) {
  return ({ image, text, ...learned }: { [input: string]: tf.Tensor }) =>
    functions[loss](image as tf.Tensor2D, text as tf.Tensor2D, {
      ...options,
      ...learned,
      reduction,
      ...(weight && { weight: tf.tensor1d(weight) }),
      ...(labels && { labels: tf.tensor1d(labels, 'int32') }),
    });
}

const inputs = ({ image, text, options: { scale, bias } }: Case) => ({
  image: tf.tensor2d(image),
  text: tf.tensor2d(text),
  ...(typeof scale === 'number' && { scale: tf.scalar(scale) }),
  ...(typeof bias === 'number' && { bias: tf.scalar(bias) }),
});

it('has cases of every loss over pairs', () => {
  expect(new Set(cases.map(({ loss }) => loss))).toEqual(new Set(Object.keys(functions)));
});

describe.each(cases)('losses.$loss: $about $options', (reference) => {
  it('agrees with PyTorch, example by example and as a mean', () => {
    tf.tidy(() => {
      expectClose(call(reference, 'none')(inputs(reference)), reference.losses, { atol: 2e-5 });
      expectClose(call(reference, 'mean')(inputs(reference)), reference.mean, { atol: 1e-5 });
    });
  });

  it('has the gradients of PyTorch, of learned scale and bias too', () => {
    tf.tidy(() => {
      const given = inputs(reference);
      const names = Object.keys(given);
      expect(names.sort()).toEqual(Object.keys(reference.gradients).sort());
      const f = call(reference, 'mean');
      const found = tf.grads((...values: tf.Tensor[]) =>
        f(Object.fromEntries(names.map((name, i) => [name, values[i]!]))),
      )(names.map((name) => given[name as keyof typeof given] as tf.Tensor));
      names.forEach((name, i) => {
        expectClose(found[i]!, reference.gradients[name]!, { atol: 2e-5 });
      });
    });
  });

  it('has the gradients that finite differences give', () => {
    // A softmax at a scale of 100 bends too quickly for differences in float32.
    if (reference.options.scale === 100) return;
    tf.tidy(() => checkGradients(call(reference, 'none'), inputs(reference)));
  });
});

const square = [
  [1, 0],
  [0, 1],
];

describe('losses over pairs', () => {
  it('are stable for scales of any size', () => {
    tf.tidy(() => {
      const [right, wrong] = [tf.tensor2d(square), tf.tensor2d([...square].reverse())];
      expectClose(all.infoNce(right, right, { scale: 1e4 }), 0);
      expectClose(all.infoNce(right, wrong, { scale: 1e4 }), 1e4);
      expectClose(all.siglip(right, wrong, { scale: 1e4, bias: 0 }), 1e4 + Math.log(2));
      expectClose(all.siglip(right, right, { scale: 1e4, bias: 0 }), Math.log(2));
    });
  });

  it('want labels of int32, one an example', () => {
    tf.tidy(() => {
      const image = tf.tensor2d(square);
      for (const [name, f] of Object.entries(functions)) {
        expect(() => f(image, image, { labels: tf.tensor1d([0, 1]) })).toThrow(
          `losses.${name}: labels must be int32, got float32`,
        );
        expect(() => f(image, image, { labels: tf.tensor1d([0], 'int32') })).toThrow(
          `losses.${name}: labels must be [2], got [1]`,
        );
      }
      expect(() => losses.create('triplet', { negatives: 'hard' })).toThrow('negatives');
    });
  });
});
