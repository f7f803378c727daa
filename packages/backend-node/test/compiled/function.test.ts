import '@tensorflow/tfjs';
import { small } from '@chainrule/encoders-image';
import { lstm } from '@chainrule/encoders-text';
import { gated } from '@chainrule/fusion';
import { type Embedding, key, mlp, type Params, type Tree } from '@chainrule/tensor';
import { expectClose, expectNoLeaks } from '@chainrule/testing';
import { multimodal } from '@chainrule/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { useNative } from '../../src/backend.js';
import { bucketOf } from '../../src/compiled/bucket.js';
import { compiledFunction } from '../../src/compiled/index.js';

beforeAll(async () => {
  await useNative();
});

const text = lstm({ vocabulary: 20, width: 8, embedding: 8 });
const image = small({ width: 8, size: [16, 16] });
const pixels = (n: number) => tf.randomUniform<tf.Rank.R4>([n, 16, 16, 3], 0, 1, 'float32', n);
const ids = (n: number) => tf.randomUniform<tf.Rank.R2>([n, 6], 0, 20, 'int32', n);
const indices = (n: number, below: number) =>
  tf.tensor1d(
    Array.from({ length: n }, (_, i) => (7 * i) % below),
    'int32',
  );

/** Compiled and eager outputs of one input, which must agree. */
function agree<I extends object>(
  run: (input: I) => Tree<tf.Tensor>,
  apply: (input: I) => Tree<tf.Tensor>,
  input: I,
): void {
  const list = (output: Tree<tf.Tensor>) =>
    Object.entries(output instanceof tf.Tensor ? { output } : output) as [string, tf.Tensor][];
  tf.tidy(() => {
    const expected = list(apply(input));
    const actual = list(run(input));
    expect(actual.map(([name]) => name)).toEqual(expected.map(([name]) => name));
    actual.forEach(([, tensor], i) => {
      expect(tensor.shape).toEqual(expected[i]![1].shape);
      expectClose(tensor, expected[i]![1], { atol: 1e-5 });
    });
  });
}

describe('buckets', () => {
  it('are powers of two, then eighths between them, then multiples of the largest', () => {
    const sizes = [1, 2, 3, 5, 8, 9, 33, 64, 65, 100, 128, 129, 200, 256, 257, 600];
    const buckets = [1, 2, 4, 8, 8, 16, 64, 64, 72, 104, 128, 144, 208, 256, 256 * 2, 256 * 3];
    expect(sizes.map((n) => bucketOf(n, 256))).toEqual(buckets);
    expect(bucketOf(20, 24)).toBe(24);
  });
});

describe('a function of a batch', () => {
  it('gives what it gives eagerly for batches of 1 to 33, with a graph a power of two', () => {
    const model = mlp({ in: 5, hidden: [7], out: 3, dropout: 0.5 });
    const params = model.init(key(0));
    let calls = 0;
    const f = compiledFunction((p: typeof params, { x }: { x: tf.Tensor2D }) => {
      calls++;
      return model.apply(p, x);
    }, params);
    for (let n = 1; n <= 33; n++) {
      const x = tf.randomNormal<tf.Rank.R2>([n, 5], 0, 1, 'float32', n);
      agree(f.run, ({ x }) => model.apply(params, x), { x });
    }
    // Graphs of 1, 2, 4, 8, 16, 32 and 64: each recorded, then checked; that of 32 again later.
    expect(calls).toBe(2 * 7 + 1);
    f.dispose();
    f.dispose();
    expect(() => f.run({ x: tf.zeros([1, 5]) })).toThrow(/has been disposed/);
  });

  it.each([
    { name: 'text', encoder: text, input: ids },
    { name: 'image', encoder: image, input: pixels },
  ])('runs an encoder of $name', ({ encoder, input }) => {
    const params = encoder.init(key(1)) as Params;
    const apply = (p: Params, x: tf.Tensor) =>
      encoder.apply(p as never, x as never) as Embedding & Tree<tf.Tensor>;
    const f = compiledFunction(apply, params);
    for (const n of [1, 3, 4]) agree(f.run, (x) => apply(params, x), input(n));
    f.dispose();
  });

  it('runs a whole multimodal model, whose pictures several questions share', () => {
    const model = multimodal({
      encoders: { image, text },
      fusion: gated,
      head: (width) => mlp({ in: width, out: 4 }),
    });
    const params = model.init(key(2));
    const f = compiledFunction(model.apply, params);
    const eager = (input: Parameters<typeof f.run>[0]) => model.apply(params, input);
    agree(f.run, eager, { inputs: { image: pixels(3), text: ids(3) } });
    for (const [u, v, n] of [
      [3, 5, 7],
      [1, 2, 9],
      [4, 4, 4],
    ] as const) {
      const inputs = { image: pixels(u), text: ids(v) };
      agree(f.run, eager, { inputs, rows: { image: indices(n, u), text: indices(n, v) } });
      // Questions without rows of their own are one an example.
      agree(f.run, eager, {
        inputs: { image: pixels(u), text: ids(n) },
        rows: { image: indices(n, u) },
      });
    }
    f.dispose();
  });

  it('leaks nothing, and keeps parameters of its own', async () => {
    await expectNoLeaks(() => {
      const params = { w: tf.ones([2, 2]) };
      const f = compiledFunction(
        ({ w }: typeof params, { x }: { x: tf.Tensor2D }) => ({ y: tf.matMul(x, w), x }),
        params,
      );
      params.w.dispose();
      for (const n of [1, 3, 3, 4]) {
        const x = tf.ones<tf.Rank.R2>([n, 2]);
        const { y, x: same } = f.run({ x });
        x.dispose();
        expect([...y.dataSync(), ...same.dataSync()]).toEqual([
          ...Array(2 * n).fill(2),
          ...Array(2 * n).fill(1),
        ]);
        tf.dispose([y, same]);
      }
      f.dispose();
    });
  });

  it('keeps a bounded number of graphs', () => {
    let calls = 0;
    const f = compiledFunction(
      (_: { w: tf.Tensor }, { x }: { x: tf.Tensor1D }) => {
        calls++;
        return tf.square(x);
      },
      { w: tf.scalar(0) },
      { cache: 2 },
    );
    for (const n of [1, 2, 4, 2, 4, 1]) f.run({ x: tf.ones([n]) }).dispose();
    expect(calls / 2).toBe(4);
    f.dispose();
  });

  it('runs eagerly what can not be recorded, with one warning', async () => {
    tf.registerKernel({
      kernelName: 'ReadsARow',
      backendName: 'tensorflow',
      kernelFunc: ({ inputs, backend }) =>
        tf.tensor1d((backend as tf.KernelBackend).readSync(inputs.x!.dataId).slice(0, 2) as never),
    });
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    await expectNoLeaks(() => {
      const params = { w: tf.tensor1d([1, 2]) };
      const f = compiledFunction(
        ({ w }: typeof params, { x }: { x: tf.Tensor2D }) =>
          tf.mul(tf.engine().runKernel('ReadsARow', { x }) as tf.Tensor, w),
        params,
      );
      for (let i = 0; i < 2; i++) {
        const x = tf.ones<tf.Rank.R2>([3, 2]);
        const y = f.run({ x });
        expect([...y.dataSync()]).toEqual([1, 2]);
        tf.dispose([x, y]);
      }
      f.dispose();
      params.w.dispose();
    });
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
  });

  it('says which rows do not fit', () => {
    const f = compiledFunction(
      (_: { w: tf.Tensor }, { a, b }: { a: tf.Tensor; b?: tf.Tensor }) =>
        b ? tf.add(a, b) : tf.sum(a),
      { w: tf.scalar(0) },
    );
    expect(() => f.run({ a: tf.zeros([2]), b: tf.zeros([3]) })).toThrow(/"a" has 2 rows and "b" 3/);
    expect(() => f.run({ a: tf.zeros([0]) })).toThrow(/"a" has no rows/);
    expect(() => f.run({ a: tf.scalar(1) })).toThrow(/no tensor with a batch axis/);
    expect(() => f.run({ a: tf.zeros([3]) })).toThrow(/must have one row an example, 4 here/);
    f.dispose();
  });
});
