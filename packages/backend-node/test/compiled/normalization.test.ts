import { batchNorm, key, split, uniform } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';
import { type Node, reachable } from '../../src/compiled/graph.js';
import { compiled } from '../../src/compiled/index.js';
import { registerKernels } from '../../src/compiled/kernels.js';
import { nativeBackend } from '../../src/compiled/native.js';
import { batchNorms } from '../../src/compiled/normalization.js';
import { type AnyStep, record } from '../../src/compiled/recorder.js';
import { rewrite } from '../../src/compiled/rewrite.js';

beforeAll(async () => {
  await useNative();
  registerKernels();
});

interface Layer {
  readonly shape: readonly number[];
  /** What follows the norm: nothing, a ReLU, or a ReLU beside another that uses the norm itself. */
  readonly next: 'nothing' | 'relu' | 'both';
  /** Added to what is normalised, to see whether a mean far from 0 costs digits. */
  readonly shift?: number;
}
type State = {
  readonly scale: tf.Tensor1D;
  readonly offset: tf.Tensor1D;
  readonly y: tf.Tensor;
  readonly dx: tf.Tensor;
  readonly mean: tf.Tensor;
  readonly variance: tf.Tensor;
};
type Batch = { readonly x: tf.Tensor };

const noise = (name: string, shape: readonly number[]) =>
  uniform(split(key(11), name), [...shape] as [number]) as tf.Tensor;

/** A step whose state holds all that a batch norm gives, and the gradients of a weighted square. */
function layer({ shape, next, shift = 0 }: Layer) {
  const width = shape.at(-1)!;
  const norm = batchNorm<tf.Tensor>({ width, momentum: 1 });
  const batch: Batch = { x: tf.add(noise('x', shape), shift) };
  const state: State = {
    scale: noise('scale', [width]) as tf.Tensor1D,
    offset: tf.sub(noise('offset', [width]), 0.5) as tf.Tensor1D,
    ...{
      y: tf.zerosLike(batch.x),
      dx: tf.zerosLike(batch.x),
      mean: tf.zeros([width]),
      variance: tf.ones([width]),
    },
  };
  const step = ({ scale, offset, mean, variance }: State, { x }: Batch) => {
    const seen: { [name: string]: tf.Tensor } = {};
    const output = (input: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) => {
      const statistics = { mean, variance } as never;
      const update = (from: tf.Tensor, to: tf.Tensor) => {
        seen[from === mean ? 'mean' : 'variance'] = tf.keep(to);
      };
      const params = { scale: gamma, offset: beta, statistics } as never;
      const y = norm.apply(params, input, { training: true, update } as never);
      if (next === 'nothing') return y;
      return next === 'relu' ? tf.relu(y) : tf.add(tf.relu(y), y);
    };
    const loss = (...args: tf.Tensor[]) => {
      const y = output(args[0]!, args[1]!, args[2]!);
      const weights = tf.reshape(tf.div(tf.range(0, y.size), y.size), y.shape);
      return tf.sum(tf.mul(tf.square(y), weights));
    };
    const [dx, dscale, doffset] = tf.grads(loss)([x, scale, offset]);
    const given = { scale: dscale!, offset: doffset!, dx: dx!, y: output(x, scale, offset) };
    return { state: { ...given, mean: seen.mean!, variance: seen.variance! }, metrics: {} };
  };
  return { batch, state, step };
}

function operations({ batch, state, step }: ReturnType<typeof layer>): Node[] {
  const { graph } = record(nativeBackend(), step as unknown as AnyStep, state, batch, key(0));
  const results = [...batchNorms(rewrite(graph)).state.values()];
  return reachable(results.map(({ node }) => node));
}

const relu = (nodes: readonly Node[], op: string) =>
  nodes.find((node) => node.op === op)?.attrs.find(({ name }) => name === 'relu')?.value;

describe('batch norm in training, with its ReLU', () => {
  it.each<Layer>([
    { shape: [4, 5, 6, 16], next: 'relu' },
    { shape: [4, 5, 6, 16], next: 'nothing' },
    { shape: [4, 5, 6, 16], next: 'both' },
    { shape: [32, 16, 16, 64], next: 'relu' },
    { shape: [9, 7, 11, 48], next: 'relu', shift: 30 },
    { shape: [300, 80], next: 'relu' },
    { shape: [2, 1, 1, 16], next: 'nothing' },
  ])('agrees with TensorFlow: %j', async (given) => {
    const made = layer(given);
    const nodes = operations(made);
    // A matrix is normalised as a picture of one place, and turned back before the ReLU.
    const fused = given.next === 'relu' && given.shape.length === 4;
    expect(relu(nodes, 'ChainruleBatchNorm')).toBe(fused);
    expect(relu(nodes, 'ChainruleBatchNormGradient')).toBe(fused);
    expect(nodes.some(({ op }) => op.startsWith('FusedBatchNorm'))).toBe(false);
    expect(nodes.some(({ op }) => op === 'ReluGrad')).toBe(given.next !== 'nothing' && !fused);

    const { state: expected } = tf.tidy(() => made.step(made.state, made.batch));
    // It owns the state from here on.
    const execution = compiled().prepare(made.step as never, made.state as never);
    await execution.run(made.batch as never, key(0));
    const actual = (await execution.read()) as unknown as State;
    for (const name of ['y', 'dx', 'scale', 'offset', 'mean', 'variance'] as const) {
      const largest = tf.max(tf.abs(expected[name])).dataSync()[0]!;
      const far = given.shift ? 20 : 1;
      expectClose(actual[name], expected[name], { rtol: 2e-5, atol: 2e-5 * far * largest });
    }
    execution.dispose();
  });

  it('leaves channels that are no multiple of 16 to TensorFlow', () => {
    const nodes = operations(layer({ shape: [4, 3, 3, 20], next: 'relu' }));
    expect(nodes.some(({ op }) => op === 'FusedBatchNormV3')).toBe(true);
    expect(nodes.some(({ op }) => op === 'ChainruleBatchNorm')).toBe(false);
  });
});
