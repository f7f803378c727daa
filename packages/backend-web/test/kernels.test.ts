import '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { key, split, uniform } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { useWeb } from '../src/index.js';
import { composites } from '../src/register.js';

// Every kernel of ours against the cpu backend's own, on shapes that meet each of its branches.

beforeAll(async () => {
  await useWeb({ prefer: ['wasm'] });
});

const random = (name: string, shape: number[]) =>
  tf.sub(tf.mul(uniform(split(key(3), name), shape), 2), 1);
const noise = <T extends tf.Tensor>(name: string, shape: number[]) => random(name, shape) as T;

type Computation = () => tf.Tensor | tf.Tensor[];

async function on(backend: string, compute: Computation) {
  await tf.setBackend(backend);
  return tf.tidy(() =>
    [compute()].flat().map((x) => ({ shape: x.shape, dtype: x.dtype, values: [...x.dataSync()] })),
  );
}

async function expectEqual(compute: Computation) {
  const before = tf.memory().numTensors;
  const [ours, reference] = [await on('wasm', compute), await on('cpu', compute)];
  expect(tf.memory().numTensors).toBe(before);
  expect(ours.length).toBe(reference.length);
  ours.forEach(({ values, ...rest }, i) => {
    const { values: expected, ...other } = reference[i]!;
    expect(rest).toEqual(other);
    const scale = Math.max(...expected.map(Math.abs), 1e-3);
    const error = Math.max(0, ...values.map((value, j) => Math.abs(value - expected[j]!)));
    expect(error / scale).toBeLessThan(1e-5);
  });
}

const convolutions: {
  readonly [name: string]: {
    x: number[];
    filter: number[];
    stride?: number;
    pad?: 'same' | 'valid' | number;
  };
} = {
  'a picture': { x: [3, 12, 12, 3], filter: [3, 3, 3, 16] },
  'an inner layer': { x: [2, 8, 8, 16], filter: [3, 3, 16, 32] },
  'odd sizes': { x: [2, 7, 9, 5], filter: [3, 5, 5, 7] },
  'one channel': { x: [1, 5, 6, 1], filter: [2, 2, 1, 1] },
  'a window of one': { x: [2, 4, 4, 6], filter: [1, 1, 6, 9] },
  'no padding': { x: [2, 9, 8, 4], filter: [3, 3, 4, 12], pad: 'valid' },
  'padding by 1': { x: [2, 6, 6, 4], filter: [3, 3, 4, 8], pad: 1 },
  'padding wider than the window': { x: [1, 4, 4, 2], filter: [2, 2, 2, 3], pad: 3 },
  'stride 2': { x: [2, 8, 8, 4], filter: [3, 3, 4, 8], stride: 2 },
  'stride 2 with a rest': { x: [2, 8, 9, 3], filter: [3, 3, 3, 5], stride: 2, pad: 'valid' },
  'an even window': { x: [2, 7, 7, 3], filter: [4, 4, 3, 4] },
};

describe.each(Object.entries(convolutions))(
  'convolution: %s',
  (name, { x, filter, stride, pad }) => {
    const apply = (a: tf.Tensor, b: tf.Tensor) =>
      tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, stride ?? 1, pad ?? 'same');
    const inputs = () => [noise(`${name}/x`, x), noise(`${name}/f`, filter)] as const;

    test('forward', () => expectEqual(() => apply(...inputs())));
    test('both gradients', () =>
      expectEqual(() => {
        const [a, b] = inputs();
        const y = apply(a, b);
        return tf.grads((p: tf.Tensor, q: tf.Tensor) => apply(p, q))([a, b], noise('dy', y.shape));
      }));
  },
);

const products: [
  name: string,
  a: number[],
  b: number[],
  transposeA: boolean,
  transposeB: boolean,
][] = [
  ['plain', [33, 17], [17, 21], false, false],
  ['first transposed', [17, 33], [17, 21], true, false],
  ['second transposed', [33, 17], [21, 17], false, true],
  ['both transposed', [17, 33], [21, 17], true, true],
  ['a row', [1, 40], [40, 3], false, false],
  ['batched', [3, 6, 5], [3, 5, 9], false, false],
  ['batched, second transposed', [2, 3, 6, 5], [2, 3, 9, 5], false, true],
  ['one for all', [4, 6, 5], [1, 5, 8], false, false],
  ['long', [5, 700], [700, 8], false, false],
];

test.each(products)('matrix product: %s', (name, a, b, transposeA, transposeB) =>
  expectEqual(() =>
    tf.matMul(noise(`${name}/a`, a), noise(`${name}/b`, b), transposeA, transposeB),
  ),
);

const pools: [name: string, x: number[], size: number, stride: number, pad: 'same' | 'valid'][] = [
  ['2 × 2', [2, 8, 8, 8], 2, 2, 'valid'],
  ['2 × 2 with a rest', [2, 7, 9, 8], 2, 2, 'valid'],
  ['odd channels', [2, 6, 6, 7], 2, 2, 'valid'],
  ['3 × 3', [1, 9, 9, 4], 3, 3, 'valid'],
  ['overlapping', [1, 7, 7, 4], 3, 2, 'valid'],
  ['padded', [1, 5, 5, 4], 2, 2, 'same'],
];

test.each(pools)('gradient of max pooling: %s', (name, shape, size, stride, pad) =>
  expectEqual(() => {
    const x = noise<tf.Tensor4D>(name, shape);
    const pool = (y: tf.Tensor) => tf.maxPool(y as tf.Tensor4D, size, stride, pad);
    return tf.grad(pool)(x, noise('dy', pool(x).shape));
  }),
);

test('of equal numbers the first is the maximum', () =>
  expectEqual(() => {
    const pool = (y: tf.Tensor) => tf.maxPool(y as tf.Tensor4D, 2, 2, 'valid');
    return tf.grad(pool)(tf.zeros([1, 4, 4, 5]), noise('dy', [1, 2, 2, 5]));
  }));

test.each([
  ['rows', [9, 6], [4]],
  ['numbers', [9], [3, 2]],
  ['matrices', [4, 3, 5], [6]],
])('gather of %s and its gradient', (name, shape, ids) => {
  const size = ids.reduce((p, n) => p * n, 1);
  return expectEqual(() => {
    const x = noise(name, shape);
    const rows = tf.tensor(
      Array.from({ length: size }, (_, i) => (i * 5) % shape[0]!),
      ids,
      'int32',
    );
    const f = (y: tf.Tensor) => tf.gather(y, rows as tf.Tensor1D);
    return [f(x), tf.grad(f)(x, noise('dy', f(x).shape))];
  });
});

test('gather says which index is out of range', async () => {
  await tf.setBackend('wasm');
  const ids = tf.tensor1d([0, 9], 'int32');
  expect(() => tf.gather(tf.zeros([4, 2]), ids)).toThrow(/9/);
  tf.dispose(ids);
});

test.each([
  ['float32', 1, 0],
  ['float32', 0.9, 0.025],
  ['int32', 1, 0],
] as const)('one-hot, %s %d and %d', (dtype, onValue, offValue) =>
  expectEqual(() => tf.oneHot(tf.tensor1d([2, 0, 3, -1, 4], 'int32'), 4, onValue, offValue, dtype)),
);

test.each([0, 1, 2, 3])('reverse of axis %d', (axis) =>
  expectEqual(() => tf.reverse(noise('x', [2, 3, 20, 4]), axis)),
);

test.each([
  [[300, 5], 0, false],
  [[4, 3, 2, 7], [0, 1, 2], true],
  [[4, 3, 6], [1, 0], false],
  [[4, 3], 1, false],
  [[4, 3], undefined, false],
] as const)('sum of %j over %j', (shape, axes, keep) =>
  expectEqual(() =>
    tf.sum(noise('x', [...shape]), axes === undefined ? undefined : [axes].flat(), keep),
  ),
);

test('tile of numbers and truth values', () =>
  expectEqual(() => {
    const x = noise('x', [3, 4, 1]);
    const positive = tf.greater(x, 0);
    return [
      tf.tile(x, [1, 1, 5]),
      tf.tile(x, [1, 3, 1]),
      tf.tile(x, [2, 1, 2]),
      tf.tile(positive, [1, 1, 6]),
      tf.tile(positive, [2, 1, 1]),
      tf.tile(x, [1, 1, 1]),
    ];
  }));

test.each([0, 1, 2])('concatenation along axis %d', (axis) =>
  expectEqual(() => {
    const parts = [2, 1, 30].map((size) => {
      const shape = [3, 4, 5];
      shape[axis] = size;
      return noise(`part ${size}`, shape);
    });
    return [tf.concat(parts, axis), tf.stack([parts[0]!, parts[0]!], axis)];
  }),
);

test('split and unstack', () =>
  expectEqual(() => {
    const x = noise('x', [4, 6, 5]);
    return [
      ...tf.split(x, 3, 1),
      ...tf.split(x, [1, 4], 2),
      ...tf.unstack(x),
      ...tf.unstack(x, 1),
      ...tf.unstack(tf.cast(tf.mul(x, 10), 'int32'), -1),
    ];
  }));

test('a clone shares its numbers, and outlives the original', async () => {
  await tf.setBackend('wasm');
  const before = tf.memory();
  const x = tf.tensor2d([[1, 2, 3]]);
  const text = tf.tensor1d(['a', 'b']);
  const [copy, copies] = [tf.clone(x), tf.clone(text)];
  expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers + 3);
  tf.dispose([x, text]);
  const other = tf.zeros([1, 3]);
  expect([...copy.dataSync()]).toEqual([1, 2, 3]);
  expect([...copies.dataSync()]).toEqual(['a', 'b']);
  tf.dispose([copy, copies, other]);
  expect(tf.memory().numTensors).toBe(before.numTensors);
  expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
});

test('segments of rows, ids below 0 left out', () =>
  expectEqual(() =>
    tf.unsortedSegmentSum(noise('x', [6, 3]), tf.tensor1d([2, 0, 2, -1, 1, 0], 'int32'), 4),
  ));

// What runs where the engine has no SIMD, and on other backends that lack a kernel.
describe('composites', () => {
  const args = (inputs: object, attrs: object) =>
    ({ inputs, attrs, backend: tf.backend() }) as never;
  const kernel = (name: string) => composites.find((each) => each.name === name)!.compute;

  test.each(Object.entries(convolutions))(
    'convolution: %s',
    async (name, { x, filter, stride, pad }) => {
      const run = (composite: boolean) =>
        on('cpu', () => {
          const [a, b] = [noise<tf.Tensor4D>(`${name}/x`, x), noise<tf.Tensor4D>('f', filter)];
          const y = tf.conv2d(a, b, stride ?? 1, pad ?? 'same');
          const dy = noise('dy', y.shape);
          const attrs = { strides: stride ?? 1, pad: pad ?? 'same', dataFormat: 'NHWC' };
          const forInput = { ...attrs, inputShape: x };
          const forFilter = { ...attrs, filterShape: filter };
          return composite
            ? ([
                kernel(tf.Conv2DBackpropInput)(args({ dy, filter: b }, forInput)),
                kernel(tf.Conv2DBackpropFilter)(args({ x: a, dy }, forFilter)),
              ] as tf.Tensor[])
            : [
                tf
                  .engine()
                  .runKernel(tf.Conv2DBackpropInput, { dy, filter: b }, forInput) as tf.Tensor,
                tf
                  .engine()
                  .runKernel(tf.Conv2DBackpropFilter, { x: a, dy }, forFilter) as tf.Tensor,
              ];
        });
      const [ours, reference] = [await run(true), await run(false)];
      ours.forEach(({ values, shape }, i) => {
        expect(shape).toEqual(reference[i]!.shape);
        values.forEach((value, j) => {
          expect(value).toBeCloseTo(reference[i]!.values[j]!, 4);
        });
      });
    },
  );

  test('segment sums and one-hot', async () => {
    const [sums, hot] = await on('cpu', () => {
      const x = tf.tensor2d([
        [1, 2],
        [3, 4],
        [5, 6],
      ]);
      const segmentIds = tf.tensor1d([1, -1, 1], 'int32');
      const indices = tf.tensor1d([2, 0], 'int32');
      return [
        kernel(tf.UnsortedSegmentSum)(args({ x, segmentIds }, { numSegments: 2 })),
        kernel(tf.OneHot)(
          args({ indices }, { depth: 3, onValue: 2, offValue: 1, dtype: 'float32' }),
        ),
      ] as tf.Tensor[];
    });
    expect(sums!.values).toEqual([0, 0, 6, 8]);
    expect(hot!.values).toEqual([1, 1, 2, 2, 1, 1]);
  });
});
