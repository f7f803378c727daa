import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
// The prelu kernel and prod's gradient chain methods, which only the union package defines.
import '@tensorflow/tfjs';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { useNative } from '../../src/backend.js';
import { compiled } from '../../src/compiled/index.js';

beforeAll(async () => {
  await useNative();
});

type F = (x: tf.Tensor4D, y: tf.Tensor4D) => tf.Tensor | tf.Tensor[];

const ints = (...n: number[]) => tf.tensor1d(n, 'int32');
const matrix = (x: tf.Tensor) => tf.reshape(x, [-1, 4]) as tf.Tensor2D;
const filter = (...shape: number[]) =>
  tf.mul(
    tf.reshape(
      tf.cos(
        tf.range(
          0,
          shape.reduce((a, b) => a * b),
        ),
      ),
      shape,
    ),
    0.3,
  ) as tf.Tensor4D;

/** Operations of `[2, 6, 6, 4]` tensors in (0, 1) with a gradient, which is checked, too. */
const smooth: Record<string, F> = {
  'conv2d same': (x) => tf.conv2d(x, filter(3, 3, 4, 5), 1, 'same'),
  'conv2d strided': (x) => tf.conv2d(x, filter(3, 3, 4, 5), 2, 'valid'),
  conv2dTranspose: (x) => tf.conv2dTranspose(x, filter(3, 3, 5, 4), [2, 12, 12, 5], 2, 'same'),
  depthwiseConv2d: (x) => tf.depthwiseConv2d(x, filter(3, 3, 4, 2), 1, 'same'),
  separableConv2d: (x) => tf.separableConv2d(x, filter(3, 3, 4, 2), filter(1, 1, 8, 3), 1, 'same'),
  maxPool: (x) => tf.maxPool(x, 2, 2, 'valid'),
  avgPool: (x) => tf.avgPool(x, 3, 2, 'same'),
  resizeBilinear: (x) => tf.image.resizeBilinear(x, [9, 7]),
  resizeNearestNeighbor: (x) => tf.image.resizeNearestNeighbor(x, [9, 7]),
  softmax: (x) => tf.softmax(x),
  logSoftmax: (x) => tf.logSoftmax(x),
  logSumExp: (x) => tf.logSumExp(x, -1),
  'softmax cross-entropy': (x) =>
    tf.losses.softmaxCrossEntropy(tf.oneHot(ints(1, 3), 4), matrix(tf.sum(x, [1, 2]))),
  'matMul of batches': (x, y) => tf.matMul(x, y, false, true),
  'matMul, broadcast': (x) => tf.matMul(x, tf.reshape(filter(1, 1, 4, 3), [4, 3])),
  'fused matMul': (x, y) =>
    tf.fused.matMul({
      a: matrix(x),
      b: matrix(y),
      transposeA: true,
      bias: tf.ones([4]),
      activation: 'relu',
    }),
  'fused conv2d': (x) =>
    tf.fused.conv2d({
      x,
      filter: filter(3, 3, 4, 2),
      strides: 1,
      pad: 'same',
      bias: tf.ones([2]),
      activation: 'elu',
    }),
  gather: (x) => tf.gather(matrix(x), ints(3, 0, 3)),
  'gather along an axis': (x) => tf.gather(x, ints(3, 0, 3), 2),
  concat: (x, y) => tf.concat([x, y], 1),
  split: (x) => tf.split(x, [1, 2, 1], 3),
  stack: (x, y) => tf.stack([x, y], 2),
  unstack: (x) => tf.unstack(x, 1),
  slice: (x) => tf.slice(x, [0, 1, 2, 0], [2, 3, 3, 2]),
  pad: (x) =>
    tf.pad(
      x,
      [
        [0, 0],
        [1, 2],
        [0, 1],
        [0, 0],
      ],
      3,
    ),
  tile: (x) => tf.tile(x, [1, 2, 1, 3]),
  transpose: (x) => tf.transpose(x, [3, 0, 2, 1]),
  reverse: (x) => tf.reverse(x, [1, 3]),
  expandDims: (x) => tf.squeeze(tf.expandDims(x, 2), [2]),
  broadcastTo: (x) => tf.broadcastTo(tf.slice(x, 0, 1), [3, 6, 6, 4]),
  'sum, mean, prod': (x) => [tf.sum(x, 1), tf.mean(x, [0, 3], true), tf.prod(matrix(x), 1)],
  'max, min': (x) => [tf.max(x, [1, 2]), tf.min(x, 3, true)],
  moments: (x) => Object.values(tf.moments(x, [1, 2])),
  norm: (x) => tf.norm(x, 'euclidean', 3),
  cumsum: (x) => tf.cumsum(x, 3, true, true),
  'where, maximum': (x, y) => [
    tf.where(tf.greater(tf.randomUniform([2, 6, 6, 4], 0, 1, 'float32', 3), 0.5), x, y),
    tf.maximum(x, y),
    tf.minimum(x, 0.3),
  ],
  clipByValue: (x) => tf.clipByValue(x, 0.2, 0.6),
  'elu, selu, relu6, leaky': (x) => [tf.elu(x), tf.selu(x), tf.relu6(x), tf.leakyRelu(x, 0.1)],
  prelu: (x, y) => tf.prelu(tf.sub(x, 0.5), y) as tf.Tensor4D,
  'softplus, erf, sigmoid': (x) => [tf.softplus(x), tf.erf(x), tf.logSigmoid(x)],
  'exp, log, pow': (x, y) => [
    tf.exp(x),
    tf.log1p(x),
    tf.log(tf.add(x, 1)),
    tf.pow(tf.add(x, 1), y),
    tf.expm1(x),
  ],
  'sqrt, rsqrt, reciprocal': (x) => [
    tf.sqrt(tf.add(x, 1)),
    tf.rsqrt(tf.add(x, 1)),
    tf.reciprocal(tf.add(x, 1)),
  ],
  trigonometry: (x) => [
    tf.sin(x),
    tf.cos(x),
    tf.tan(x),
    tf.tanh(x),
    tf.atan(x),
    tf.asin(x),
    tf.sinh(x),
    tf.cosh(x),
  ],
  'div, squaredDifference': (x, y) => [
    tf.div(x, tf.add(y, 1)),
    tf.squaredDifference(x, y),
    tf.sub(x, y),
    tf.abs(tf.sub(x, y)),
  ],
  addN: (x, y) => tf.addN([x, y, x]),
  localResponseNormalization: (x) => tf.localResponseNormalization(x, 2),
  spaceToBatchND: (x) =>
    tf.batchToSpaceND(
      tf.spaceToBatchND(
        x,
        [2, 2],
        [
          [0, 0],
          [0, 0],
        ],
      ),
      [2, 2],
      [
        [0, 0],
        [0, 0],
      ],
    ),
  unsortedSegmentSum: (x) => tf.unsortedSegmentSum(x, ints(1, 1), 3),
  losses: (x, y) => [
    tf.losses.huberLoss(x, y),
    tf.losses.cosineDistance(x, y, 3),
    tf.losses.sigmoidCrossEntropy(x, y),
  ],
};

/** Operations without a gradient in tfjs, or whose results are not float32. */
const others: Record<string, F> = {
  'conv2d dilated': (x) => tf.conv2d(x, filter(2, 2, 4, 5), 1, 'same', 'NHWC', 2),
  'conv2d explicit': (x) =>
    tf.conv2d(x, filter(3, 3, 4, 5), 1, [
      [0, 0],
      [1, 2],
      [0, 1],
      [0, 0],
    ]),
  batchNorm: (x) => {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    return tf.batchNorm4d(
      x,
      mean as tf.Tensor1D,
      variance as tf.Tensor1D,
      tf.tensor1d([1, 2, 3, 4]),
    );
  },
  einsum: (x, y) => tf.einsum('bhwc,bhwd->bcd', x, y),
  gatherND: (x) => tf.gatherND(matrix(x), tf.tensor2d([[0], [5]], [2, 1], 'int32')),
  'argMax, argMin': (x) => [tf.argMax(x, 3), tf.argMin(x, 1)],
  topk: (x) => Object.values(tf.topk(x, 2)),
  oneHot: (x) => tf.oneHot(tf.cast(tf.mul(matrix(x), 4), 'int32'), 4),
  'floor, ceil, round, sign': (x) => [tf.floor(x), tf.ceil(x), tf.round(x), tf.sign(x)],
  'mod, floorDiv': (x) => [tf.mod(x, 0.3), tf.floorDiv(x, 0.3)],
  comparisons: (x, y) => [
    tf.equal(x, y),
    tf.notEqual(x, y),
    tf.less(x, y),
    tf.lessEqual(x, y),
    tf.greaterEqual(x, y),
  ],
  logic: (x) => {
    const [a, b] = [tf.greater(x, 0.3), tf.less(x, 0.6)];
    return [
      tf.logicalAnd(a, b),
      tf.logicalOr(a, b),
      tf.logicalNot(a),
      tf.logicalXor(a, b),
      tf.any(a, 3),
      tf.all(b, 3),
    ];
  },
  'isNaN, isFinite': (x) => [tf.isNaN(tf.log(tf.sub(x, 0.5))), tf.isFinite(x), tf.isInf(x)],
  'int32 arithmetic': (x) => {
    const n = tf.cast(tf.mul(x, 100), 'int32');
    return [
      tf.add(n, n),
      tf.mul(n, 3),
      tf.sub(n, 5),
      tf.sum(n, 1),
      tf.max(n, 2),
      tf.cast(n, 'bool'),
      tf.abs(n),
      tf.equal(n, 7),
    ];
  },
  'range, linspace, eye': () => [tf.range(0, 5), tf.linspace(0, 1, 7), tf.eye(3)],
  scatterND: (x) =>
    tf.scatterND(tf.tensor2d([[0], [4]], [2, 1], 'int32'), tf.slice(matrix(x), 0, 2), [6, 4]),
  flip: (x) => tf.image.flipLeftRight(x),
  cropAndResize: (x) => tf.image.cropAndResize(x, tf.tensor2d([[0, 0, 0.5, 0.7]]), ints(1), [3, 3]),
  mirrorPad: (x) =>
    tf.mirrorPad(
      x,
      [
        [0, 0],
        [1, 1],
        [2, 2],
        [0, 0],
      ],
      'reflect',
    ),
  bincount: (x) =>
    tf.bincount(tf.cast(tf.mul(tf.reshape(x, [-1]), 5), 'int32') as tf.Tensor1D, [] as never, 5),
  dilation2d: (x) => tf.dilation2d(x, tf.ones([2, 2, 4]), 1, 'same'),
  zerosLike: (x) => [tf.zerosLike(x), tf.onesLike(x), tf.clone(x)],
  cumprod: (x) => tf.cumprod(x, 1),
  depthToSpace: (x) => tf.depthToSpace(x, 2),
  stridedSlice: (x) => tf.stridedSlice(x, [0, 1], [2, 6], [1, 2]),
  'conv3d, pool3d': (x) => {
    const volume = tf.reshape(x, [1, 2, 6, 6, 4]) as tf.Tensor5D;
    return [
      tf.conv3d(volume, filter(2, 2, 2, 4, 3) as never, 1, 'same'),
      tf.maxPool3d(volume, 2, 2, 'same'),
      tf.avgPool3d(volume, 2, 2, 'same'),
    ];
  },
};

function gradientsOf(f: F): F {
  return (x, y) =>
    tf.grads((a, b) => {
      const sums = [f(a as tf.Tensor4D, b as tf.Tensor4D)].flat().map((out) => {
        const weights = tf.add(tf.reshape(tf.range(0, out.size), out.shape), 0.5);
        return tf.sum(tf.mul(out, tf.div(weights, out.size)));
      });
      return tf.add(tf.addN(sums), tf.mul(tf.sum(tf.mul(a, b)), 0));
    })([x, y]);
}

async function check(f: F): Promise<void> {
  const warn = vi.spyOn(console, 'warn');
  const x = tf.randomUniform<tf.Rank.R4>([2, 6, 6, 4], 0, 1, 'float32', 1);
  const y = tf.randomUniform<tf.Rank.R4>([2, 6, 6, 4], 0, 1, 'float32', 2);
  const expected = tf.tidy(() => [f(x, y)].flat());
  const execution = compiled().prepare(
    (_state: { out: tf.Tensor[] }, batch: { x: tf.Tensor4D; y: tf.Tensor4D }) => ({
      state: { out: [f(batch.x, batch.y)].flat() },
      metrics: {},
    }),
    { out: expected.map((tensor) => tf.zerosLike(tensor)) },
  );
  await execution.run({ x, y }, key(0));
  const { out: actual } = await execution.read();
  execution.dispose();
  actual.forEach((tensor, i) => {
    expect(tensor.dtype).toBe(expected[i]!.dtype);
    expectClose(tensor, expected[i]!, { rtol: 1e-4, atol: 1e-5 });
  });
  // No fallback.
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
  tf.dispose([x, y, expected, actual]);
}

describe('operations, compiled and eager', () => {
  it.each(Object.entries({ ...smooth, ...others }))('%s', (_name, f) => check(f));
});

describe('gradients, compiled and eager', () => {
  it.each(Object.entries(smooth))('%s', (_name, f) => check(gradientsOf(f)));
});
