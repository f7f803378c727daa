import '@tensorflow/tfjs';
import { checkGradients, expectClose, loadFixture, moduleContract } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  type Activation,
  activations,
  type Config,
  countParams,
  type DenseConfig,
  type DenseOptions,
  dense,
  type Embedding,
  flatten,
  key,
  type MlpOptions,
  type Module,
  mlp,
} from '../src/index.js';

interface Packed {
  shape: [number, number];
  data: number[];
}
interface Layer {
  kernel: Packed;
  bias: Packed;
}
const fixture = loadFixture<{
  dense: (Layer & { activation: Activation; x: Packed; y: Packed })[];
  mlp: { x: Packed; y: Packed; layers: Layer[] };
}>(import.meta.url, 'dense.json');
const matrix = ({ shape, data }: Packed) => tf.tensor2d(data, shape);
const load = ({ kernel, bias }: Layer) => ({
  kernel: matrix(kernel),
  bias: tf.tensor1d(bias.data),
});

describe('dense', () => {
  it.each(fixture.dense)('agrees with NumPy: $activation', ({ activation, x, y, ...layer }) => {
    const module = dense({ in: 4, out: 5, activation });
    const params = load(layer);
    expectClose(module.apply(params, matrix(x)), y, { rtol: 1e-5, atol: 1e-6 });
    checkGradients(({ x, params }) => module.apply(params, x), { x: matrix(x), params });
  });

  it('goes without a bias', () => {
    const layer = dense({ in: 2, out: 3, bias: false });
    const params = layer.init(key(0));
    expect(Object.keys(params)).toEqual(['kernel']);
    expectClose(layer.apply(params, tf.zeros([1, 2])), [0, 0, 0]);
  });

  it('covers every activation', () => {
    expect(fixture.dense.map(({ activation }) => activation).sort()).toEqual(
      Object.keys(activations).sort(),
    );
  });

  it('says what is wrong', () => {
    const layer = dense({ in: 4, out: 5 });
    const params = layer.init(key(0));
    expect(() => layer.apply(params, tf.ones([2, 3]))).toThrow(
      'tensor.dense: input must be [batch, 4], got [2, 3]',
    );
    expect(() => layer.apply(params, tf.zeros([0, 4]))).toThrow(
      'tensor.dense: input has a batch of zero examples; give at least one',
    );
    expect(() => dense({ in: 0, out: 5 })).toThrow(
      'tensor.dense: in must be a positive integer, got 0',
    );
    expect(() => dense({ in: 1, out: 1.5 })).toThrow('out must be a positive integer, got 1.5');
    expect(() => dense({ in: 1, out: 1, activation: 'rel' as Activation })).toThrow(
      'tensor.dense: activation: unknown name "rel". Did you mean "relu"?',
    );
  });

  it('has the types of a module', () => {
    const layer = dense({ in: 1, out: 1 });
    expectTypeOf(layer).toExtend<Module<tf.Tensor2D, tf.Tensor2D>>();
    expectTypeOf(layer.config).toEqualTypeOf<DenseConfig>();
    expectTypeOf(layer.config).toExtend<Config>();
    expectTypeOf(layer.init(key(0)).kernel).toEqualTypeOf<tf.Tensor2D>();
    expectTypeOf<Embedding['vector']>().toEqualTypeOf<tf.Tensor2D>();
    // A user's module is an object literal.
    const double: Module<tf.Tensor2D, tf.Tensor2D> = {
      config: { type: 'double' },
      init: () => ({}),
      apply: (_params, x) => tf.mul(x, 2),
    };
    expectClose(double.apply({}, tf.ones([1, 1])), [2]);
  });
});

describe('mlp', () => {
  it('agrees with NumPy', () => {
    const module = mlp({ in: 4, hidden: [6, 5], out: 2, activation: 'tanh' });
    const params = { layers: fixture.mlp.layers.map(load) };
    expectClose(module.apply(params, matrix(fixture.mlp.x)), fixture.mlp.y);
    checkGradients(({ x, params }) => module.apply(params, x), {
      x: matrix(fixture.mlp.x),
      params,
    });
  });

  it('without hidden layers is linear', () => {
    const module = mlp({ in: 3, out: 2 });
    const params = module.init(key(0));
    expect(flatten(params).map(([path]) => path)).toEqual(['layers/0/kernel', 'layers/0/bias']);
    expect(countParams(params)).toBe(8);
  });

  it('drops out in training, before each layer but the first', () => {
    const module = mlp({ in: 3, hidden: [50, 50], out: 2, dropout: 0.5 });
    const params = module.init(key(0));
    const x = tf.ones([4, 3]) as tf.Tensor2D;
    const draw = (seed: number) =>
      Array.from(module.apply(params, x, { training: true, key: key(seed) }).dataSync());
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(() => mlp({ in: 1, out: 1, dropout: 1 })).toThrow(
      'tensor.mlp: dropout must be in [0, 1), got 1',
    );
  });
});

const input = () =>
  tf.tensor2d(
    Array.from({ length: 12 }, (_, i) => Math.sin(i * i)),
    [3, 4],
  );
moduleContract('dense', () => dense({ in: 4, out: 5, activation: 'gelu' }), {
  input,
  outputShape: [3, 5],
  fromConfig: ({ type: _, ...options }) => dense(options as unknown as DenseOptions),
});
moduleContract('mlp', () => mlp({ in: 4, hidden: [16, 8], out: 2, dropout: 0.2 }), {
  input,
  outputShape: [3, 2],
  fromConfig: ({ type: _, ...options }) => mlp(options as unknown as MlpOptions),
});
