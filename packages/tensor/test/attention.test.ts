import '@tensorflow/tfjs';
import {
  checkGradients,
  expectClose,
  gradients,
  loadFixture,
  moduleContract,
} from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import {
  type Config,
  key,
  type Module,
  multiHeadAttention,
  normalArray,
  type Params,
  sinusoidalPositions,
  split,
  type Tree,
  transformer,
  transformerLayer,
  unflatten,
} from '../src/index.js';

interface Packed {
  shape: number[];
  data: number[];
}
interface Case {
  kind: keyof typeof makers;
  options: never;
  inputs: Record<string, Packed>;
  mask?: Packed;
  params: Record<string, Packed>;
  output: Packed;
  upstream: Packed;
  gradients: Record<string, Packed>;
}
type Tokens = Module<Record<string, tf.Tensor | undefined>, tf.Tensor3D>;

const makers = { attention: multiHeadAttention, transformerLayer, transformer };
const make = (kind: keyof typeof makers, options: never) =>
  makers[kind](options) as unknown as Tokens;
const fromConfig = ({ type, ...options }: Config) =>
  make(type as keyof typeof makers, options as never);

const { cases } = loadFixture<{ cases: Case[] }>(import.meta.url, 'attention.json');
const tensor = ({ shape, data }: Packed) => tf.tensor(data, shape);
const tensors = (packed: Record<string, Packed>) =>
  Object.fromEntries(Object.entries(packed).map(([name, value]) => [name, tensor(value)]));

describe.each(cases)('$kind $options', (reference) => {
  const module = make(reference.kind, reference.options);
  const mask = reference.mask && tensor(reference.mask);
  const f = ({ params, inputs }: { params: Tree<tf.Tensor>; inputs: Record<string, tf.Tensor> }) =>
    module.apply(params as Params, { ...inputs, mask }) as tf.Tensor;

  it('agrees with PyTorch in output and gradients', () => {
    const like = module.init(key(0)) as Tree<tf.Tensor>;
    const given = new Map(Object.entries(tensors(reference.params)));
    const all = { params: unflatten(like, given), inputs: tensors(reference.inputs) };
    const real =
      mask && reference.output.shape[1] === mask.shape[1] && !reference.inputs.memory
        ? tf.expandDims(mask, 2)
        : tf.scalar(1);
    expectClose(tf.mul(f(all), real), tf.mul(tensor(reference.output), real));
    const found = gradients(f, all, tensor(reference.upstream));
    expect([...found.keys()].sort()).toEqual(Object.keys(reference.gradients).sort());
    for (const [path, expected] of Object.entries(reference.gradients)) {
      expectClose(found.get(path)!, expected, { rtol: 1e-5, atol: 5e-6 });
    }
  });

  it('has the gradients that finite differences give', () => {
    const params = module.init(key(2)) as Tree<tf.Tensor>;
    checkGradients(f, { params, inputs: tensors(reference.inputs) }, { elements: 4 });
  });
});

const random = (name: string, shape: [number, number, number]) =>
  tf.tensor3d(normalArray(split(key(1), name), shape[0] * shape[1] * shape[2]), shape);
const mask = () =>
  tf.tensor2d([
    [1, 1, 0],
    [1, 0, 0],
    [1, 1, 1],
  ]);
const self = () => ({ query: random('x', [3, 3, 8]), mask: mask() });
const alone = () => ({ tokens: random('x', [3, 3, 8]), mask: mask() });
const crossed = () => ({
  tokens: random('x', [3, 2, 8]),
  memory: random('m', [3, 3, 8]),
  mask: mask(),
});
const suite = (
  name: string,
  kind: keyof typeof makers,
  options: object,
  input: () => Record<string, tf.Tensor | undefined>,
  queries = 3,
) =>
  moduleContract(name, () => make(kind, options as never), {
    input,
    outputShape: [3, queries, 8],
    fromConfig,
  });
suite('multiHeadAttention', 'attention', { width: 8, dropout: 0.3 }, self);
suite('transformerLayer', 'transformerLayer', { width: 8, dropout: 0.2 }, alone);
suite('transformerLayer with a memory', 'transformerLayer', { width: 8, cross: true }, crossed, 2);
suite('transformer', 'transformer', { width: 8, heads: 2 }, alone);

describe('few queries of many tokens', () => {
  const few = (memory: tf.Tensor3D, mask: tf.Tensor2D | tf.Tensor3D) => {
    const attention = multiHeadAttention({ width: 8, heads: 2 });
    const query = random('q', [3, 1, 8]);
    return attention.apply(attention.init(key(0)), { query, memory, mask });
  };
  const tokens = 32;
  const real = tf.tensor2d(
    Array.from({ length: 3 * tokens }, (_, i) => Number(i < 40)),
    [3, tokens],
  );

  it('gather what they gather by keys and values of the tokens', () => {
    const memory = random('m', [3, tokens, 8]);
    expectClose(few(memory, real), few(memory, tf.expandDims(real, 1) as tf.Tensor3D));
  });

  it('gather nothing where nothing may be seen', () => {
    const attention = multiHeadAttention({ width: 8, heads: 2 });
    const params = attention.init(key(0));
    const offset = tf.fill([8], 3);
    const biased = { ...params, value: { ...params.value, bias: offset } };
    const input = {
      query: random('q', [3, 1, 8]),
      memory: random('m', [3, tokens, 8]),
      mask: real,
    };
    const y = tf.unstack(attention.apply(biased, input));
    expectClose(y[2]!, tf.zeros([1, 8]));
    expect(tf.max(tf.abs(y[0]!)).dataSync()[0]).toBeGreaterThan(0.1);
  });
});

describe('padding', () => {
  it.each([
    ['multiHeadAttention', 'attention', 'query'],
    ['transformer', 'transformer', 'tokens'],
  ] as const)('of %s changes nothing, whatever stands there and however long', (_, kind, name) => {
    const module = make(kind, { width: 8 } as never);
    const params = module.init(key(0));
    const x = random('x', [3, 2, 8]);
    const padding = tf.mul(random('padding', [3, 4, 8]), 100);
    const ones = tf.ones([3, 2]);
    const long = module.apply(params, {
      [name]: tf.concat([x, padding], 1),
      mask: tf.concat([ones, tf.zeros([3, 4])], 1),
    });
    expectClose(tf.slice(long, [0, 0, 0], [3, 2, 8]), module.apply(params, { [name]: x }));
  });

  it('alone gives the bias, and finite gradients', () => {
    const attention = multiHeadAttention({ width: 4, heads: 2 });
    const params = { ...attention.init(key(0)) };
    const bias = tf.tensor1d([1, 2, 3, 4]);
    const out = { ...params.out, bias };
    const input = { query: random('x', [1, 2, 4]), mask: tf.zeros<tf.Rank.R2>([1, 2]) };
    const y = attention.apply({ ...params, out, value: params.value }, input);
    expectClose(y, [
      [
        [1, 2, 3, 4],
        [1, 2, 3, 4],
      ],
    ]);
    const found = gradients((p: Params) => attention.apply(p as typeof params, input), params);
    for (const gradient of found.values()) {
      expect(gradient!.dataSync().every(Number.isFinite)).toBe(true);
    }
  });
});

it('outputs of a transformer are those of the first tokens', () => {
  const module = transformer({ width: 8 });
  const params = module.init(key(0));
  const first = (x: tf.Tensor) => tf.slice(x, [0, 0, 0], [3, 1, 8]);
  const causal = tf.tile(tf.expandDims(tf.linalg.bandPart(tf.ones([3, 3]), -1, 0), 0), [3, 1, 1]);
  for (const mask of [alone().mask, causal as tf.Tensor3D]) {
    const input = { ...alone(), mask };
    const one = module.apply(params, { ...input, outputs: 1 });
    expectClose(one, first(module.apply(params, input)));
  }
});

it('attention agrees with a case worked by hand', () => {
  const attention = multiHeadAttention({ width: 1, heads: 1 });
  const kernel = (value: number) => tf.tensor2d([[value]]);
  const params = {
    query: { kernel: kernel(2), bias: tf.tensor1d([1]) },
    key: { kernel: kernel(1) },
    value: { kernel: kernel(3), bias: tf.tensor1d([-1]) },
    out: { kernel: kernel(0.5), bias: tf.tensor1d([4]) },
  };
  // The query is 2·1 + 1 = 3, the keys are 0 and ln 2 / 3, so the weights are 1/3 and 2/3.
  const other = Math.log(2) / 3;
  const y = attention.apply(params, {
    query: tf.tensor3d([[[1]]]),
    memory: tf.tensor3d([[[0], [other]]]),
  });
  expectClose(y, [[[0.5 * (-1 / 3 + (2 / 3) * (3 * other - 1)) + 4]]]);
});

it('dropout of a transformer draws anew in each layer and for each key', () => {
  const module = transformer({ width: 8, dropout: 0.5 });
  const params = module.init(key(0));
  const draw = (seed: number) =>
    module.apply(params, alone(), { training: true, key: key(seed) }).dataSync();
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  expect(() => module.apply(params, alone(), { training: true })).toThrow('training needs a key');
});

it('sinusoidal positions are sines and cosines of falling frequency', () => {
  const expected = [0, 1, 2].map((t) => [
    Math.sin(t),
    Math.cos(t),
    Math.sin(t / 100),
    Math.cos(t / 100),
  ]);
  expectClose(sinusoidalPositions(3, 4), expected);
  expect(sinusoidalPositions(2, 3).shape).toEqual([2, 3]);
});

describe('attention refuses', () => {
  const attention = multiHeadAttention({ width: 4, heads: 2, memoryWidth: 3 });
  const params = attention.init(key(0));
  const query = tf.ones<tf.Rank.R3>([2, 3, 4]);
  it('wrong options', () => {
    expect(() => multiHeadAttention({ width: 6 })).toThrow(
      'tensor.multiHeadAttention: heads must divide width, got 4 heads of width 6',
    );
    expect(() => transformerLayer({ width: 8, dropout: 1 })).toThrow('dropout must be in [0, 1)');
    expect(() => transformer({ width: 8, layers: 0 })).toThrow('layers must be a positive integer');
    expect(() => transformerLayer({ width: 8, activation: 'gleu' as never })).toThrow('"gelu"');
  });
  it('wrong shapes', () => {
    expect(() => attention.apply(params, { query })).toThrow(
      'tensor.multiHeadAttention: memory must be [2, memory, 3], got [2, 3, 4]',
    );
    const memory = tf.ones<tf.Rank.R3>([2, 5, 3]);
    const mask = tf.ones<tf.Rank.R2>([2, 4]);
    expect(() => attention.apply(params, { query, memory, mask })).toThrow(
      'tensor.multiHeadAttention: mask must be [2, 5], got [2, 4]',
    );
  });
});
