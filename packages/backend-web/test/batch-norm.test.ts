import '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import {
  batchNorm,
  FUSED_BATCH_NORM,
  FUSED_BATCH_NORM_GRADIENT,
  key,
  split,
  uniform,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { useWeb } from '../src/index.js';

// Batch norm on wasm against the composite of the cpu backend, which has no kernel of its own. Several
// threads are tested in Chromium, where they give the same to the bit.

beforeAll(async () => {
  await useWeb({ prefer: ['wasm'] });
});

const noise = (name: string, shape: readonly number[]) =>
  tf.sub(tf.mul(uniform(split(key(5), name), [...shape]), 2), 1);

interface Case {
  readonly shape: readonly number[];
  /** Of each channel beside others, and of what it varies by. */
  readonly mean?: number;
  readonly deviation?: number;
}

/** y, the moved statistics, and the gradients of x, scale and offset. */
async function trained(backend: string, { shape, mean = 0.5, deviation = 1 }: Case) {
  await tf.setBackend(backend);
  const before = tf.memory().numTensors;
  const results = tf.tidy(() => {
    const width = shape.at(-1)!;
    const norm = batchNorm<tf.Tensor>({ width });
    // In steps of 1/1024, so that a large mean takes none of its digits.
    const grid = tf.div(tf.round(tf.mul(noise('x', shape), 1024)), 1024);
    const x = tf.add(tf.mul(grid, deviation), mean);
    const statistics = { mean: noise('mean', [width]), variance: uniform(key(6), [width]) };
    const moved: tf.Tensor[] = [];
    const apply = (input: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) => {
      const params = { scale, offset, statistics } as never;
      return norm.apply(params, input, {
        training: true,
        update: (_, value) => void moved.push(tf.keep(value)),
      });
    };
    const leaves = [x, noise('scale', [width]), noise('offset', [width])] as const;
    const y = apply(...leaves);
    const statisticsAfter = moved.splice(0).map((value) => {
      const copy = tf.clone(value);
      value.dispose();
      return copy;
    });
    const gradients = tf.grads((...inputs) => apply(...(inputs as [never, never, never])))(
      [...leaves],
      noise('dy', shape),
    );
    tf.dispose(moved);
    return [y, ...statisticsAfter, ...gradients].map((tensor) => ({
      shape: tensor.shape,
      values: [...tensor.dataSync()],
    }));
  });
  expect(tf.memory().numTensors).toBe(before);
  return results;
}

const names = ['y', 'mean', 'variance', 'dx', 'dscale', 'doffset'];
type Results = Awaited<ReturnType<typeof trained>>;

function expectClose(ours: Results, reference: Results, tolerance = 1e-5) {
  expect(ours.length).toBe(names.length);
  ours.forEach(({ values, shape }, i) => {
    const { values: expected, shape: expectedShape } = reference[i]!;
    expect(shape).toEqual(expectedShape);
    const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
    const error = values.reduce(
      (most, value, j) => Math.max(most, Math.abs(value - expected[j]!)),
      0,
    );
    expect(error / scale, names[i]).toBeLessThan(tolerance);
  });
}

test('both kernels are there', () => {
  for (const name of [FUSED_BATCH_NORM, FUSED_BATCH_NORM_GRADIENT]) {
    expect(tf.getKernel(name, 'wasm')).toBeDefined();
    expect(tf.getKernel(name, 'cpu')).toBeUndefined();
  }
});

describe('training, against the composite', () => {
  test.each<[name: string, shape: readonly number[]]>([
    ['pictures', [8, 16, 16, 16]],
    ['many channels, few rows', [2, 1, 2, 300]],
    ['one channel', [5, 7, 3, 1]],
    ['odd channels', [3, 9, 5, 7]],
    ['channels that fill two vectors and a rest', [4, 5, 5, 11]],
    ['vectors', [37, 20]],
    ['sequences', [3, 5, 6]],
    ['three rows', [3, 5]],
    ['many blocks', [9, 40, 40, 6]],
  ])('%s', async (_, shape) => {
    expectClose(await trained('wasm', { shape }), await trained('cpu', { shape }));
  });
});

test.each([4, 7])('a mean far from 0 costs no digits, %i channels', async (channels) => {
  const shape = [6, 20, 20, channels];
  const [far, near] = [
    await trained('wasm', { shape, mean: 1024 }),
    await trained('cpu', { shape }),
  ];
  // y, the variance and the gradients do not depend on the mean, but for the rounding of the latter.
  for (const i of [0, 2, 3, 4, 5]) {
    const expected = near[i]!.values;
    far[i]!.values.forEach((value, j) => {
      expect(Math.abs(value - expected[j]!), names[i]).toBeLessThan(
        i === 4 ? 5e-3 : 3e-4 * Math.max(1, Math.abs(expected[j]!)),
      );
    });
  }
  // In single precision the difference of mean square and squared mean would be off by 0.1.
  far[2]!.values.forEach((value, j) => {
    expect(value).toBeCloseTo(near[2]!.values[j]!, 6);
  });
});

test('equal numbers in a channel become its offset, and give no gradient of x', async () => {
  const [y, , , dx] = await trained('wasm', { shape: [4, 3, 3, 5], mean: 3, deviation: 0 });
  await tf.setBackend('cpu');
  const offset = tf.tidy(() => [...noise('offset', [5]).dataSync()]);
  y!.values.forEach((value, i) => {
    expect(value).toBeCloseTo(offset[i % 5]!, 5);
  });
  expect(dx!.values.every(Number.isFinite)).toBe(true);
});

test('gradients are those of finite differences', async () => {
  await tf.setBackend('wasm');
  const shape = [3, 4, 4, 6];
  tf.tidy(() => {
    const norm = batchNorm({ width: 6 });
    const [x, dy, direction] = ['x', 'dy', 'direction'].map((name) => noise(name, shape));
    const params = { ...norm.init(key(0)), scale: noise('scale', [6]) } as never;
    const energy = (input: tf.Tensor) =>
      tf.sum(tf.mul(norm.apply(params, input as tf.Tensor4D, { training: true }), dy!));
    const step = 1e-2;
    const [up, down] = [step, -step].map(
      (size) => energy(tf.add(x!, tf.mul(direction!, size))).dataSync()[0]!,
    );
    const slope = tf.sum(tf.mul(tf.grad(energy)(x!), direction!)).dataSync()[0]!;
    expect(slope).toBeCloseTo((up! - down!) / (2 * step), 2);
  });
});

describe('with given statistics', () => {
  test.each([
    [[4, 6, 6, 16], true],
    [[3, 5, 2, 7], true],
    [[3, 5, 2, 7], false],
    [[9, 5], true],
    [[2, 3, 3, 1], true],
  ] as const)('%j, scale and offset %j', async (shape, affine) => {
    const on = async (backend: string) => {
      await tf.setBackend(backend);
      return tf.tidy(() => {
        const width = shape.at(-1)!;
        const [mean, offset, scale] = ['mean', 'offset', 'scale'].map((name) =>
          noise(name, [width]),
        ) as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
        const variance = uniform(key(6), [width]) as tf.Tensor1D;
        const [b, s] = affine ? [offset, scale] : [];
        return [...tf.batchNorm(noise('x', shape), mean, variance, b, s, 1e-5).dataSync()];
      });
    };
    const [ours, reference] = [await on('wasm'), await on('cpu')];
    expect(ours.length).toBe(reference.length);
    ours.forEach((value, i) => {
      expect(Math.abs(value - reference[i]!)).toBeLessThan(1e-5 * (1 + Math.abs(reference[i]!)));
    });
  });

  test('of every number its own', async () => {
    const on = async (backend: string) => {
      await tf.setBackend(backend);
      return tf.tidy(() => {
        const [x, mean, variance] = ['x', 'mean', 'variance'].map((name) =>
          noise(name, [2, 3, 3, 4]),
        ) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
        return [...tf.batchNorm(x, mean, tf.add(variance, 2), undefined, undefined, 0).dataSync()];
      });
    };
    const [ours, reference] = [await on('wasm'), await on('cpu')];
    ours.forEach((value, i) => {
      expect(value).toBeCloseTo(reference[i]!, 5);
    });
  });
});
