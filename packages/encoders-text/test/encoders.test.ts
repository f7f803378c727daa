import '@tensorflow/tfjs';
import { countParams, disposeTree, type Encoder, key } from '@chainrule/tensor';
import { checkGradients, expectClose, moduleContract } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import {
  article,
  bagOfWords,
  bert,
  biLstm,
  cnn1d,
  gru,
  lstm,
  transformer,
  vectorLstm,
} from '../src/index.js';
import { textEncoders } from '../src/registry.js';

const ids = () =>
  tf.tensor2d(
    [
      [2, 3, 1, 0, 0],
      [4, 5, 6, 2, 3],
      [5, 0, 0, 0, 0],
    ],
    [3, 5],
    'int32',
  );
const size = { vocabulary: 7, width: 6 };
const outputShape = { vector: [3, 6], tokens: [3, 5, 6] };
const cases: { [name: string]: () => Encoder<tf.Tensor2D> } = {
  'bagOfWords (mean)': () => bagOfWords({ ...size, activation: 'tanh' }),
  'bagOfWords (sum)': () => bagOfWords({ ...size, combine: 'sum', activation: 'tanh' }),
  lstm: () => lstm({ ...size, embedding: 4 }),
  'lstm (more words than steps)': () => lstm({ vocabulary: 50, width: 6, embedding: 4 }),
  article: () => article({ ...size, embedding: 4 }),
  // A large ε: at 1e-12 and small first weights the norms are too steep for differences.
  'bert (mean, unit length)': () =>
    bert({ ...size, heads: 3, layers: 2, dropout: 0.2, epsilon: 0.1 }),
  'bert (class token)': () =>
    bert({ ...size, heads: 2, layers: 1, pooling: 'class', normalize: false, epsilon: 0.1 }),
  biLstm: () => biLstm({ ...size, embedding: 4 }),
  cnn1d: () => cnn1d({ vocabulary: 7, embedding: 4, windows: [1, 4], filters: 3 }),
  'cnn1d (tanh)': () =>
    cnn1d({ vocabulary: 7, embedding: 4, windows: [3], filters: 6, activation: 'tanh' }),
  gru: () => gru({ ...size, embedding: 4 }),
  transformer: () => transformer({ ...size, heads: 3, dropout: 0.2, activation: 'relu' }),
  'transformer (class token, sinusoids)': () =>
    transformer({ ...size, heads: 2, pooling: 'class', positions: 'sinusoidal' }),
  'transformer (pooling by attention, rotary)': () =>
    transformer({ ...size, heads: 3, layers: 1, pooling: 'attention', positions: 'rotary' }),
  'transformer (causal, last word)': () =>
    transformer({ ...size, heads: 1, pooling: 'last', causal: true }),
};

const { fromConfig } = textEncoders;

for (const [name, make] of Object.entries(cases)) {
  moduleContract(name, make, { input: ids, outputShape, fromConfig });
}

moduleContract('vectorLstm', () => vectorLstm({ in: 4, width: 6 }), {
  input: () => tf.randomNormal([3, 5, 4], 0, 1, 'float32', 1) as tf.Tensor3D,
  outputShape,
  fromConfig,
});

describe.each(Object.entries(cases))('%s', (_name, make) => {
  it('does not depend on how much padding follows', () => {
    tf.tidy(() => {
      const encoder = make();
      const params = encoder.init(key(3));
      const short = tf.slice(ids(), 0, 1);
      const { vector } = encoder.apply(params, short);
      for (const width of [3, 4, 9]) {
        const padded =
          width < 5
            ? tf.slice(short, [0, 0], [1, width])
            : tf.pad(short, [
                [0, 0],
                [0, width - 5],
              ]);
        const other = encoder.apply(params, padded as tf.Tensor2D);
        expect([...other.vector.dataSync()]).toEqual([...vector.dataSync()]);
        expect(other.mask?.shape).toEqual([1, width]);
      }
    });
  });

  it('masks padding', () => {
    tf.tidy(() => {
      const encoder = make();
      const { mask } = encoder.apply(encoder.init(key(3)), ids());
      expectClose(mask!, [
        [1, 1, 1, 0, 0],
        [1, 1, 1, 1, 1],
        [1, 0, 0, 0, 0],
      ]);
    });
  });

  it('has the gradient of finite differences', () => {
    tf.tidy(() => {
      const encoder = make();
      const input = ids();
      checkGradients((p) => encoder.apply(p, input).vector, encoder.init(key(4)), { elements: 12 });
    });
  });

  it('says which ids it takes', () => {
    tf.tidy(() => {
      const encoder = make();
      const params = encoder.init(key(0));
      const apply = (x: tf.Tensor) => () => encoder.apply(params, x as tf.Tensor2D);
      expect(apply(tf.zeros([5]))).toThrow('ids must be [batch, time], got [5]');
      expect(apply(tf.zeros([2, 5]))).toThrow(
        'ids must be int32 [batch, time] with at least one step, got float32 [2, 5]',
      );
      expect(apply(tf.zeros([0, 5], 'int32'))).toThrow('batch of zero examples');
    });
  });
});

describe('bagOfWords', () => {
  it('ignores the order of the words', () => {
    tf.tidy(() => {
      const encoder = bagOfWords(size);
      const params = encoder.init(key(0));
      const forward = encoder.apply(params, tf.tensor2d([[2, 3, 4, 0]], [1, 4], 'int32'));
      const backward = encoder.apply(params, tf.tensor2d([[4, 3, 2, 0]], [1, 4], 'int32'));
      expectClose(forward.vector, backward.vector);
    });
  });

  it('is a dense layer on counts', () => {
    tf.tidy(() => {
      const encoder = bagOfWords({ ...size, combine: 'sum', activation: 'linear' });
      const params = encoder.init(key(0));
      const counts = tf.tensor2d([[0, 0, 2, 1, 0, 0, 0]]);
      const { vector } = encoder.apply(params, tf.tensor2d([[2, 3, 2, 0]], [1, 4], 'int32'));
      expectClose(vector, tf.matMul(counts, params.kernel));
    });
  });

  it('gives f(b) for a row of padding alone', () => {
    tf.tidy(() => {
      const encoder = bagOfWords(size);
      const { vector } = encoder.apply(encoder.init(key(0)), tf.zeros([1, 3], 'int32'));
      expect([...vector.dataSync()]).toEqual(new Array(6).fill(0));
    });
  });
});

describe('lstm', () => {
  it('starts with a forget bias of 1 and orthonormal recurrent rows', () => {
    tf.tidy(() => {
      const { lstm: params } = lstm(size).init(key(0));
      expect([...params.bias.dataSync()]).toEqual(
        Array.from({ length: 24 }, (_, i) => (i >= 6 && i < 12 ? 1 : 0)),
      );
      expectClose(tf.matMul(params.recurrent, params.recurrent, false, true), tf.eye(6), {
        atol: 1e-5,
      });
    });
  });

  it('has the article’s number of parameters', () => {
    const params = vectorLstm({ in: 128, width: 128, activation: 'relu' }).init(key(0));
    expect(countParams(params)).toBe(131_584);
    disposeTree(params);
    expect(article({ vocabulary: 30 }).config).toEqual({
      type: 'lstm',
      vocabulary: 30,
      embedding: 128,
      width: 128,
      activation: 'relu',
    });
  });

  it('names an option that is out of range', () => {
    expect(() => lstm({ vocabulary: 0 })).toThrow(
      'encoders-text.lstm: vocabulary must be a positive integer, got 0',
    );
    expect(() => textEncoders.create('lstn', {})).toThrow('Did you mean "lstm"?');
    expect(() => textEncoders.create('lstm', {})).toThrow('vocabulary');
  });
});
