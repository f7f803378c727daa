import '@tensorflow/tfjs';
import { flatten, key, type Tree } from '@chainrule/tensor';
import { checkGradients, expectClose, gradients, loadFixture } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { cnn } from '../src/index.js';
import { imageEncoders } from '../src/registry.js';
import { type TokenLearnerParams, tokenLearner } from '../src/token-learner.js';

interface Data {
  readonly shape: number[];
  readonly data: number[];
}
type Leaves<T> = { readonly [part: string]: { readonly [name: string]: T } };
interface Fixture {
  readonly map: Data;
  readonly count: number;
  readonly params: Leaves<Data>;
  readonly evaluated: Data;
  readonly tokens: Data;
  readonly mean: Data;
  readonly variance: Data;
  readonly weights: Data;
  readonly gradients: { readonly map: Data } & Leaves<Data>;
}
const given = loadFixture<Fixture>(import.meta.url, 'token_learner.json');
const tensor = ({ shape, data }: Data) => tf.tensor(data, shape);
const [, height, width, channels] = given.map.shape as [number, number, number, number];
const learner = tokenLearner([height, width, channels], given.count);

function paramsOf(leaves: Leaves<Data>): TokenLearnerParams {
  const parts = Object.entries(leaves).map(([part, values]) => [
    part,
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, tensor(value)])),
  ]);
  const { norm, ...rest } = Object.fromEntries(parts);
  const statistics = { mean: tf.zeros([channels + 2]), variance: tf.ones([channels + 2]) };
  return { ...rest, norm: { ...norm, statistics } };
}

describe('tokenLearner', () => {
  it('agrees with PyTorch in training and outside, and reports the same statistics', () => {
    tf.tidy(() => {
      const params = paramsOf(given.params);
      const map = tensor(given.map) as tf.Tensor4D;
      expectClose(learner.apply(params, map, {}), given.evaluated);
      const reported = new Map<tf.Tensor, tf.Tensor>();
      const update = (leaf: tf.Tensor, value: tf.Tensor) => reported.set(leaf, tf.keep(value));
      expectClose(learner.apply(params, map, { training: true, update }), given.tokens);
      const { mean, variance } = params.norm.statistics;
      expectClose(reported.get(mean)!, given.mean);
      expectClose(reported.get(variance)!, given.variance);
      tf.dispose([...reported.values()]);
    });
  });

  it('agrees with PyTorch in its gradients', () => {
    tf.tidy(() => {
      const { norm, ...rest } = paramsOf(given.params);
      const { statistics, ...affine } = norm;
      const trained = { ...rest, norm: affine, map: tensor(given.map) };
      const found = gradients(
        ({ map, norm, ...rest }) =>
          learner.apply(
            { ...rest, norm: { ...norm, statistics } } as unknown as TokenLearnerParams,
            map as tf.Tensor4D,
            { training: true },
          ),
        trained as { [name: string]: Tree<tf.Tensor> },
        tensor(given.weights),
      );
      const { map, ...parts } = given.gradients;
      const { norm: expectedNorm, ...expected } = paramsOf(parts as Leaves<Data>);
      const { statistics: _, ...expectedAffine } = expectedNorm;
      const all = { ...expected, norm: expectedAffine, map: tensor(map) };
      const paths = flatten(all as Tree<tf.Tensor>);
      expect(paths).toHaveLength(6);
      for (const [path, gradient] of paths) {
        const largest = Math.max(...gradient.dataSync().map(Math.abs));
        expectClose(found.get(path)!, gradient, { atol: 1e-5 * largest });
      }
    });
  });

  // One channel, a map of 1×2, scores of 0: both places weigh ½, and outside training N does nothing
  // but divide by √(1 + ε).
  it('is a mean of places where nothing is learned', () => {
    tf.tidy(() => {
      const one = tokenLearner([1, 2, 1], 1);
      const drawn = one.init(key(0));
      const params = { ...drawn, scores: { kernel: tf.zeros([1, 1]) } };
      const tokens = one.apply(params as TokenLearnerParams, tf.tensor4d([2, 6], [1, 1, 2, 1]), {});
      expectClose(tokens, {
        shape: [1, 1, 3],
        data: [4, 0, 0].map((v) => v / Math.sqrt(1 + 1e-5)),
      });
    });
  });
});

describe('cnn with learned tokens', () => {
  const options = { size: [8, 6], width: 4, blocks: [{ filters: 3, stride: 2 }] } as const;
  const encoder = cnn({ ...options, activation: 'tanh', learnedTokens: 5 });
  const pixels = () => tf.randomUniform<tf.Rank.R4>([2, 8, 6, 3], 0, 1, 'float32', 3);

  it('gives so many tokens with their place, and the vector of the encoder without', () => {
    tf.tidy(() => {
      const params = encoder.init(key(0));
      const { vector, tokens } = encoder.apply(params, pixels());
      expect(tokens!.shape).toEqual([2, 5, 5]);
      expect(encoder.tokenWidth).toBe(5);
      const { tokens: _, ...rest } = params;
      const plain = cnn({ ...options, activation: 'tanh' });
      expectClose(vector, plain.apply(rest, pixels()).vector);
      const again = imageEncoders.fromConfig(encoder.config);
      expectClose(again.apply(params, pixels()).tokens!, tokens!);
    });
  });

  it('has gradients that agree with finite differences', () => {
    tf.tidy(() => {
      const { tokens, ...rest } = encoder.init(key(4));
      const { norm, ...learned } = tokens!;
      checkGradients(
        (p) =>
          encoder.apply({ ...rest, tokens: { ...p, norm } } as never, pixels(), { training: true })
            .tokens!,
        learned,
        { elements: 8 },
      );
    });
  });

  it('says what a number of tokens must be', () => {
    expect(() => cnn({ learnedTokens: -1 })).toThrow(
      'encoders-image.cnn: learnedTokens must be a positive integer, got -1',
    );
    expect(() => imageEncoders.create('cnn', { learnedTokens: 1.5 })).toThrow('learnedTokens');
  });
});
