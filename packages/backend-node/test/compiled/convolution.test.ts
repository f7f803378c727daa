import { foldIn, key, split, uniform } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';
import { convolutions } from '../../src/compiled/convolution.js';
import { type Node, reachable } from '../../src/compiled/graph.js';
import { compiled } from '../../src/compiled/index.js';
import { nativeBackend } from '../../src/compiled/native.js';
import { type AnyStep, record } from '../../src/compiled/recorder.js';
import { rewrite } from '../../src/compiled/rewrite.js';

beforeAll(async () => {
  await useNative();
});

interface Layer {
  /** [images, height, width, channels]. */
  readonly x: [number, number, number, number];
  /** [height, width, filters]. */
  readonly window: [number, number, number];
  readonly stride?: number | [number, number];
  readonly pad?: 'same' | 'valid';
  readonly relu?: boolean;
  /** Whether the input wants a gradient too. */
  readonly inner?: boolean;
}
/** The input is the batch's, but for `inner`, where it is a parameter. */
type State = { readonly filter: tf.Tensor; readonly bias: tf.Tensor; readonly x?: tf.Tensor };
type Batch = { readonly x: tf.Tensor4D };

const noise = (name: string, shape: number[]) =>
  tf.sub(uniform(split(key(7), name), shape as [number]), 0.5) as tf.Tensor;

/** A step that gives the gradients of a weighted sum of a convolution's squares, and that sum. */
function layer({ x, window, stride = 1, pad = 'same', relu = true, inner = false }: Layer) {
  const [height, width, filters] = window;
  const batch: Batch = { x: noise('x', x) as tf.Tensor4D };
  const state: State = {
    filter: noise('filter', [height, width, x[3], filters]),
    bias: noise('bias', [filters]),
    ...(inner && { x: noise('x', x) }),
  };
  const convolve = (input: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor) => {
    const y = tf.conv2d(input as tf.Tensor4D, filter as tf.Tensor4D, stride, pad);
    const biased = tf.add(y, bias);
    return relu ? tf.relu(biased) : biased;
  };
  const step = (given: State, { x: input }: Batch) => {
    const loss = (filter: tf.Tensor, bias: tf.Tensor, own: tf.Tensor = input) => {
      const y = convolve(own, filter, bias);
      const weights = tf.reshape(tf.range(0, y.size), y.shape);
      return tf.mean(tf.mul(tf.square(y), tf.div(weights, y.size))) as tf.Scalar;
    };
    const values = Object.values({ filter: given.filter, bias: given.bias, x: given.x }).filter(
      (value) => value !== undefined,
    );
    const { value, grads } = tf.valueAndGrads(loss)(values);
    const [filter, bias, own] = grads;
    const after: State = { filter: filter!, bias: bias!, ...(own && { x: own }) };
    return { state: after, metrics: { loss: value } };
  };
  return { batch, state, step };
}

/** The nodes of the step's graph. */
function nodes({ batch, state, step }: ReturnType<typeof layer>): Node[] {
  const { graph } = record(nativeBackend(), step as unknown as AnyStep, state, batch, key(0));
  const { state: after, metrics } = convolutions(rewrite(graph));
  return reachable([...after.values(), ...metrics.map(([, ref]) => ref)].map(({ node }) => node));
}
const operations = (made: ReturnType<typeof layer>) => nodes(made).map(({ op }) => op);

async function expectAgreement(made: ReturnType<typeof layer>) {
  const { state: expected, metrics } = tf.tidy(() => made.step(made.state, made.batch));
  const execution = compiled().prepare(made.step, made.state);
  const found = await execution.run(made.batch, foldIn(key(0), 0));
  expectClose(found.loss, metrics.loss, { rtol: 1e-5, atol: 0 });
  const actual = await execution.read();
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const name of Object.keys(expected) as (keyof State)[]) {
    const largest = tf.max(tf.abs(expected[name]!)).dataSync()[0]!;
    expectClose(actual[name]!, expected[name]!, { rtol: 1e-5, atol: 1e-5 * largest });
  }
  execution.dispose();
}

const THEIRS = ['Conv2D', 'Conv2DBackpropFilter', 'Conv2DBackpropInput', 'BiasAdd', 'BiasAddGrad'];

describe('a convolution and its gradients', () => {
  it.each<Layer>([
    { x: [32, 64, 64, 3], window: [3, 3, 32], pad: 'valid' },
    { x: [8, 9, 11, 3], window: [3, 3, 16] },
    { x: [9, 10, 12, 3], window: [3, 3, 16], stride: 2 },
    { x: [9, 11, 9, 5], window: [3, 3, 48], stride: 2 },
    { x: [17, 8, 8, 1], window: [5, 5, 16] },
    { x: [8, 7, 9, 8], window: [1, 4, 16], stride: [1, 3] },
    { x: [8, 16, 16, 3], window: [7, 7, 64], stride: 2 },
    { x: [8, 5, 5, 3], window: [2, 2, 16], stride: 3 },
    { x: [8, 6, 6, 2], window: [6, 6, 16], pad: 'valid', relu: false },
    { x: [8, 9, 9, 3], window: [3, 3, 32], relu: false },
    { x: [8, 13, 40, 3], window: [3, 3, 16], stride: [2, 1] },
  ])('agrees with TensorFlow: %j', async (given) => {
    const made = layer(given);
    const ops = operations(made);
    for (const op of ['ChainruleConvolution', 'ChainruleFilterGradient']) expect(ops).toContain(op);
    for (const op of [...THEIRS, 'ReluGrad']) expect(ops).not.toContain(op);
    await expectAgreement(made);
  });

  it.each<Layer>([
    { x: [32, 32, 32, 16], window: [3, 3, 32], stride: 2 },
    { x: [8, 9, 11, 16], window: [3, 3, 16] },
    { x: [9, 10, 12, 32], window: [3, 3, 16], stride: 2, relu: false },
    { x: [9, 11, 9, 16], window: [3, 3, 48], stride: 2, pad: 'valid' },
    { x: [17, 8, 8, 48], window: [5, 5, 16] },
    { x: [8, 7, 9, 16], window: [1, 4, 16], stride: [1, 3] },
    { x: [8, 16, 16, 64], window: [1, 1, 16] },
    { x: [8, 16, 16, 16], window: [1, 1, 64], stride: 2 },
    { x: [8, 5, 5, 16], window: [2, 2, 16], stride: 3 },
    { x: [8, 6, 6, 16], window: [6, 6, 16], pad: 'valid' },
    { x: [8, 13, 40, 16], window: [4, 3, 32], stride: [2, 1] },
    { x: [8, 12, 12, 16], window: [5, 5, 32], stride: 4, pad: 'valid' },
  ])("agrees with TensorFlow where the input's gradient is wanted: %j", async (given) => {
    const made = layer({ ...given, inner: true });
    const ops = operations(made);
    expect(ops).toContain('ChainruleConvolution');
    expect(ops).toContain('ChainruleConvolutionInputGradient');
    expect(ops).toContain('ChainruleFilterGradient');
    for (const op of THEIRS) expect(ops).not.toContain(op);
    await expectAgreement(made);
  });

  it.each<[string, Layer]>([
    ['few images', { x: [4, 9, 9, 3], window: [3, 3, 16] }],
    ['filters that leave the cache', { x: [8, 5, 5, 256], window: [3, 3, 64] }],
    ['filters that are no multiple of 16', { x: [8, 9, 9, 3], window: [3, 3, 20] }],
  ])('leaves %s to TensorFlow', (_what, given) => {
    const ops = operations(layer(given));
    expect(ops).toContain('Conv2D');
    expect(ops).toContain('Conv2DBackpropFilter');
    expect(ops.filter((op) => op.startsWith('Chainrule'))).toEqual([]);
  });

  it('leaves the gradient of an input of a few channels to TensorFlow', async () => {
    const made = layer({ x: [8, 9, 9, 3], window: [3, 3, 16], inner: true });
    const all = nodes(made);
    expect(all.map(({ op }) => op)).toContain('Conv2DBackpropInput');
    const gradient = all.find(({ op }) => op === 'ChainruleFilterGradient')!;
    // Both want the gradient of the ReLU, so it is kept.
    expect(gradient.attrs.find(({ name }) => name === 'relu')!.value).toBe(false);
    expect(all.filter(({ op }) => op === 'ReluGrad')).toHaveLength(1);
    await expectAgreement(made);
  });

  it('keeps what is not a number', async () => {
    const made = layer({ x: [8, 9, 9, 3], window: [3, 3, 16] });
    const bias = tf.tensor1d([Number.NaN, ...new Array<number>(15).fill(0.1)]);
    const execution = compiled().prepare(made.step, { ...made.state, bias });
    const { loss } = await execution.run(made.batch, key(0));
    expect(loss).toBeNaN();
    execution.dispose();
  });
});
