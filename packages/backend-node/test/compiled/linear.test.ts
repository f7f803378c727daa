import { foldIn, geluExact, geluTanh, key, split, uniform } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useNative } from '../../src/backend.js';
import { activatedLayers } from '../../src/compiled/activated.js';
import { reachable, resultsOf } from '../../src/compiled/graph.js';
import { compiled } from '../../src/compiled/index.js';
import { linearLayers } from '../../src/compiled/linear.js';
import { nativeBackend } from '../../src/compiled/native.js';
import { type AnyStep, record } from '../../src/compiled/recorder.js';
import { rewrite } from '../../src/compiled/rewrite.js';
import { hasProduct } from '../../src/operations.js';
import { count } from './bound.js';

beforeAll(async () => {
  await useNative();
});

type F = (x: tf.Tensor) => tf.Tensor;

interface Layer {
  /** […, in]: more than 1,024 rows are many. */
  readonly x: number[];
  readonly out: number;
  readonly bias?: boolean;
  /** What comes before the layer. */
  readonly before?: F;
  /** What else is made of that. */
  readonly beside?: F;
}
type State = { readonly [name: string]: tf.Tensor };

const noise = (name: string, shape: number[]) =>
  tf.sub(uniform(split(key(5), name), shape as [number]), 0.5) as tf.Tensor;

/** A step that gives all gradients of a weighted sum of what a dense layer gives. */
function layer({ x, out, bias = true, before = (given) => given, beside }: Layer) {
  const inputs = x.at(-1)!;
  const state: State = {
    x: noise('x', x),
    w: noise('w', [inputs, out]),
    ...(bias && { b: noise('b', [out]) }),
  };
  const loss = (given: tf.Tensor, w: tf.Tensor, b?: tf.Tensor): tf.Scalar => {
    const h = before(tf.mul(given, 4));
    const product = tf.matMul(tf.reshape(h, [-1, inputs]) as tf.Tensor2D, w as tf.Tensor2D);
    const y = tf.square(b ? tf.add(product, b) : product);
    const weights = tf.reshape(tf.cos(tf.range(0, y.size)), y.shape);
    const sum = tf.mean(tf.mul(y, weights)) as tf.Scalar;
    return beside ? (tf.add(sum, tf.mean(beside(h))) as tf.Scalar) : sum;
  };
  return { state, step: gradientsOf(loss) };
}

/** A step whose new state is the gradients with respect to the old. */
const gradientsOf = (loss: (...given: tf.Tensor[]) => tf.Scalar) => (given: State) => {
  const { value, grads } = tf.valueAndGrads(loss)(Object.values(given));
  const after = Object.fromEntries(Object.keys(given).map((name, i) => [name, grads[i]!]));
  return { state: after as State, metrics: { loss: value } };
};

/** The operations of the step's graph, as without AMX. */
function operations({ state, step }: ReturnType<typeof layer>): string[] {
  const { graph } = record(nativeBackend(), step as unknown as AnyStep, state, {}, key(0));
  const replaced = activatedLayers(linearLayers(rewrite(graph), false));
  return reachable(resultsOf(replaced).map(({ node }) => node)).map(({ op }) => op);
}

async function expectAgreement({ state, step }: ReturnType<typeof layer>) {
  const { state: expected, metrics } = tf.tidy(() => step(state));
  const execution = compiled().prepare(step, state);
  const found = await execution.run({}, foldIn(key(0), 0));
  expectClose(found.loss, metrics.loss, { rtol: 1e-5, atol: 1e-6 });
  const actual = await execution.read();
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, gradient] of Object.entries(expected)) {
    const largest = tf.max(tf.abs(gradient)).dataSync()[0]!;
    expectClose(actual[name]!, gradient, { rtol: 1e-5, atol: 1e-5 * largest });
  }
  execution.dispose();
}

describe('a dense layer of many rows', () => {
  it.each<Layer>([
    { x: [2048, 128], out: 96 },
    { x: [1031, 256], out: 96 },
    { x: [4, 300, 96], out: 320 },
    { x: [1100, 32], out: 512, bias: false },
    // Weights that leave the second cache.
    { x: [1030, 512], out: 768 },
    { x: [1025, 1024], out: 384 },
  ])('agrees with TensorFlow: %j', async (given) => {
    const made = layer(given);
    const ops = operations(made);
    expect(count(ops, 'ChainruleLinear')).toBe(1);
    expect(count(ops, 'ChainruleLinearGradient')).toBe(1);
    for (const op of ['MatMul', 'BiasAdd', 'BiasAddGrad']) expect(ops).not.toContain(op);
    await expectAgreement(made);
  });

  it.each([geluExact, geluTanh])('takes the GELU before it in', async (gelu) => {
    const made = layer({ x: [3, 401, 160], out: 96, before: gelu });
    const ops = operations(made);
    expect(count(ops, 'ChainruleLinear')).toBe(1);
    expect(ops).not.toContain('ChainruleGelu');
    expect(ops).not.toContain('ChainruleGeluGradient');
    await expectAgreement(made);
  });

  it('leaves a GELU that others use as it is', async () => {
    const made = layer({ x: [1100, 160], out: 96, before: geluExact, beside: tf.sin });
    const ops = operations(made);
    expect(count(ops, 'ChainruleLinear')).toBe(1);
    expect(count(ops, 'ChainruleGelu')).toBe(1);
    await expectAgreement(made);
  });

  it.each<[string, Layer]>([
    ['few rows', { x: [1000, 256], out: 256 }],
    ['few multiplications', { x: [1100, 32], out: 64 }],
    ['many weights', { x: [1100, 2048], out: 2080 }],
    ['columns that are no multiple of 32', { x: [1100, 128], out: 200 }],
  ])('is left to others where it has %s', (_what, given) => {
    expect(operations(layer(given))).not.toContain('ChainruleLinear');
  });

  it('agrees where its input is a gradient itself', async () => {
    const state = {
      x: noise('x', [1100, 160]),
      w: noise('w', [160, 96]),
      v: noise('v', [160, 96]),
    };
    const energy = (x: tf.Tensor, w: tf.Tensor) =>
      tf.mean(tf.square(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D))) as tf.Scalar;
    const loss = (x: tf.Tensor, w: tf.Tensor, v: tf.Tensor) =>
      energy(tf.mul(1e4, tf.grad((given: tf.Tensor) => energy(given, w))(x)), v);
    await expectAgreement({ state, step: gradientsOf(loss) });
  });

  it('is two products where the processor has AMX', () => {
    const { state, step } = layer({ x: [2048, 128], out: 96 });
    const { graph } = record(nativeBackend(), step as unknown as AnyStep, state, {}, key(0));
    const given = rewrite(graph);
    expect(linearLayers(given, true)).toBe(given);
    expect(linearLayers(given) === given).toBe(hasProduct());
  });
});
