import { foldIn, key, split, uniform } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';
import { filterGradients } from '../../src/compiled/convolution.js';
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
}
type State = { readonly filter: tf.Tensor; readonly bias: tf.Tensor };
type Batch = { readonly x: tf.Tensor4D };

const noise = (name: string, shape: number[]) =>
  tf.sub(uniform(split(key(7), name), shape as [number]), 0.5) as tf.Tensor;

/** A step that gives the gradients of a convolution's filters and bias, of a squared sum. */
function layer({ x, window, stride = 1, pad = 'same', relu = true }: Layer) {
  const [height, width, filters] = window;
  const batch: Batch = { x: noise('x', x) as tf.Tensor4D };
  const state: State = {
    filter: noise('filter', [height, width, x[3], filters]),
    bias: noise('bias', [filters]),
  };
  const convolve = (input: tf.Tensor4D, filter: tf.Tensor, bias: tf.Tensor) => {
    const y = tf.conv2d(input, filter as tf.Tensor4D, stride, pad);
    const biased = tf.add(y, bias);
    return relu ? tf.relu(biased) : biased;
  };
  const step = (given: State, { x: input }: Batch) => {
    const loss = (filter: tf.Tensor, bias: tf.Tensor) => {
      const y = convolve(input, filter, bias);
      const weights = tf.reshape(tf.range(0, y.size), y.shape);
      return tf.mean(tf.mul(tf.square(y), tf.div(weights, y.size)));
    };
    const [filter, bias] = tf.grads(loss)([given.filter, given.bias]);
    return { state: { filter: filter!, bias: bias! }, metrics: {} };
  };
  return { batch, state, step };
}

/** The nodes of the step's graph. */
function nodes({ batch, state, step }: ReturnType<typeof layer>): Node[] {
  const { graph } = record(nativeBackend(), step as unknown as AnyStep, state, batch, key(0));
  const results = [...filterGradients(rewrite(graph)).state.values()];
  return reachable(results.map(({ node }) => node));
}
const operations = (made: ReturnType<typeof layer>) => nodes(made).map(({ op }) => op);

describe("the gradients of a picture's convolution in one pass", () => {
  it.each<Layer>([
    { x: [32, 64, 64, 3], window: [3, 3, 32], pad: 'valid' },
    { x: [2, 9, 11, 3], window: [3, 3, 16] },
    { x: [3, 10, 12, 3], window: [3, 3, 16], stride: 2 },
    { x: [3, 11, 9, 5], window: [3, 3, 48], stride: 2 },
    { x: [17, 8, 8, 1], window: [5, 5, 16] },
    { x: [1, 7, 9, 8], window: [1, 4, 16], stride: [1, 3] },
    { x: [2, 16, 16, 3], window: [7, 7, 64], stride: 2 },
    { x: [2, 5, 5, 3], window: [2, 2, 16], stride: 3 },
    { x: [2, 6, 6, 2], window: [6, 6, 16], pad: 'valid', relu: false },
    { x: [4, 9, 9, 3], window: [3, 3, 32], relu: false },
  ])('agrees with TensorFlow: %j', async (given) => {
    const made = layer(given);
    const ops = operations(made);
    expect(ops).toContain('ChainruleFilterGradient');
    for (const op of ['Conv2DBackpropFilter', 'ReluGrad', 'BiasAddGrad']) {
      expect(ops).not.toContain(op);
    }
    const { state: expected } = tf.tidy(() => made.step(made.state, made.batch));
    const execution = compiled().prepare(made.step, made.state);
    await execution.run(made.batch, foldIn(key(0), 0));
    const actual = await execution.read();
    for (const name of ['filter', 'bias'] as const) {
      const largest = tf.max(tf.abs(expected[name])).dataSync()[0]!;
      expectClose(actual[name], expected[name], { rtol: 1e-5, atol: 1e-5 * largest });
    }
    execution.dispose();
  });

  it.each<[string, Layer]>([
    ['more channels', { x: [2, 9, 9, 9], window: [3, 3, 16] }],
    ['filters that are no multiple of 16', { x: [2, 9, 9, 3], window: [3, 3, 20] }],
  ])('leaves %s to TensorFlow', (_what, given) => {
    const ops = operations(layer(given));
    expect(ops).toContain('Conv2DBackpropFilter');
    expect(ops).not.toContain('ChainruleFilterGradient');
  });

  it('keeps the gradient of the ReLU where the input wants one too', async () => {
    const made = layer({ x: [2, 9, 9, 3], window: [3, 3, 16] });
    // The input is made from a parameter of its own.
    const step = (state: State & { shift: tf.Tensor }, { x }: Batch) => {
      const loss = (filter: tf.Tensor, shift: tf.Tensor) => {
        const input = tf.add(x, shift) as tf.Tensor4D;
        return tf.mean(tf.square(tf.relu(tf.conv2d(input, filter as tf.Tensor4D, 1, 'same'))));
      };
      const [filter, shift] = tf.grads(loss)([state.filter, state.shift]);
      return { state: { ...state, filter: filter!, shift: shift! }, metrics: {} };
    };
    const state = { ...made.state, shift: noise('shift', [3]) };
    const all = nodes({ ...made, state, step } as never);
    const gradient = all.find(({ op }) => op === 'ChainruleFilterGradient')!;
    expect(gradient.attrs.find(({ name }) => name === 'relu')!.value).toBe(false);
    expect(all.filter(({ op }) => op === 'ReluGrad')).toHaveLength(1);
    const { state: expected } = tf.tidy(() => step(state, made.batch));
    const execution = compiled().prepare(step, state);
    await execution.run(made.batch, key(0));
    const actual = await execution.read();
    expectClose(actual.filter, expected.filter, { rtol: 1e-4, atol: 1e-6 });
    expectClose(actual.shift, expected.shift, { rtol: 1e-4, atol: 1e-6 });
    execution.dispose();
  });
});
