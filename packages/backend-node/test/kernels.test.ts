import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Backend, useNative } from '../src/backend.js';
import { installNative } from '../src/install.js';

let backend: Backend;

beforeAll(async () => {
  await installNative();
  backend = await useNative({ training: true });
  // The banner of tfjs's cpu backend, which is only here to compare with.
  Object.assign(tf.findBackend('cpu'), { firstUse: false });
});

/** The same numbers on every backend: a fixed, bumpy function of the index. */
function values(shape: number[], scale = 1): tf.Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  const data = Float32Array.from({ length: size }, (_, i) => scale * Math.sin(12.9898 * (i + 1)));
  return tf.tensor(data, shape);
}

interface Case {
  readonly inputs: readonly number[][];
  readonly run: (...inputs: tf.Tensor[]) => tf.Tensor;
}

const ids = () =>
  tf.tensor2d(
    [
      [3, 1, 1],
      [0, 2, 4],
    ],
    [2, 3],
    'int32',
  );
const t4 = (x: tf.Tensor | undefined) => x as tf.Tensor4D;

const cases: { readonly [name: string]: Case } = {
  'convolution, valid': {
    inputs: [
      [2, 8, 8, 3],
      [3, 3, 3, 4],
    ],
    run: (x, w) => tf.conv2d(t4(x), t4(w), 1, 'valid'),
  },
  'convolution, same, stride 2': {
    inputs: [
      [2, 9, 9, 3],
      [3, 3, 3, 4],
    ],
    run: (x, w) => tf.conv2d(t4(x), t4(w), 2, 'same'),
  },
  'depthwise convolution': {
    inputs: [
      [1, 6, 6, 2],
      [3, 3, 2, 2],
    ],
    run: (x, w) => tf.depthwiseConv2d(t4(x), t4(w), 1, 'same'),
  },
  'max pooling': { inputs: [[2, 8, 8, 3]], run: (x) => tf.maxPool(t4(x), 2, 2, 'valid') },
  'average pooling': { inputs: [[2, 8, 8, 3]], run: (x) => tf.avgPool(t4(x), 3, 2, 'valid') },
  'global max': { inputs: [[2, 4, 4, 3]], run: (x) => tf.max(x!, [1, 2]) },
  'dense with bias and relu, fused': {
    inputs: [[4, 6], [6, 5], [5]],
    run: (a, b, bias) => tf.fused.matMul({ a: a!, b: b!, bias: bias!, activation: 'relu' }),
  },
  'convolution with bias and relu, fused': {
    inputs: [[1, 6, 6, 2], [3, 3, 2, 4], [4]],
    run: (x, filter, bias) =>
      tf.fused.conv2d({
        x: t4(x),
        filter: t4(filter),
        strides: 1,
        pad: 'same',
        bias: bias!,
        activation: 'relu',
      }),
  },
  'embedding look-up': { inputs: [[5, 4]], run: (table) => tf.gather(table!, ids()) },
  'batch norm': {
    inputs: [[3, 4, 4, 2], [2], [2]],
    run: (x, offset, scale) => {
      const { mean, variance } = tf.moments(x!, [0, 1, 2]);
      return tf.batchNorm(
        x!,
        mean as tf.Tensor1D,
        variance as tf.Tensor1D,
        offset as tf.Tensor1D,
        scale as tf.Tensor1D,
        1e-3,
      );
    },
  },
  'batched product, transposed': {
    inputs: [
      [2, 3, 4],
      [2, 5, 4],
    ],
    run: (a, b) => tf.matMul(a!, b!, false, true),
  },
  'softmax cross-entropy': {
    inputs: [[3, 5]],
    run: (x) =>
      tf.neg(tf.sum(tf.mul(tf.oneHot(tf.tensor1d([0, 4, 2], 'int32'), 5), tf.logSoftmax(x!)), -1)),
  },
  'slice, concat, stack, split': {
    inputs: [[4, 6]],
    run: (x) => {
      const [a, b] = tf.split(x!, 2, 1);
      return tf.stack([tf.concat([a!, b!], 0), tf.concat([b!, a!], 0)]);
    },
  },
  'choice by condition': {
    inputs: [
      [4, 3],
      [4, 3],
    ],
    run: (a, b) => tf.where(tf.greater(values([4, 3], 3), 0), a!, b!),
  },
  activations: {
    inputs: [[4, 6]],
    run: (x) =>
      tf.addN([
        tf.relu(x!),
        tf.tanh(x!),
        tf.sigmoid(x!),
        tf.elu(x!),
        tf.erf(x!),
        tf.softplus(x!),
        tf.leakyRelu(x!),
        tf.selu(x!),
      ]),
  },
  'norms and powers': {
    inputs: [[3, 6]],
    run: (x) => tf.div(x!, tf.sqrt(tf.add(tf.sum(tf.square(x!), -1, true), 1e-6))),
  },
  'log-sum-exp': {
    inputs: [[3, 4]],
    run: (x) => tf.logSumExp(x!, -1),
  },
  'resize and pad': {
    inputs: [[1, 4, 4, 2]],
    run: (x) =>
      tf.image.resizeBilinear(
        tf.pad4d(t4(x), [
          [0, 0],
          [1, 1],
          [1, 1],
          [0, 0],
        ]),
        [8, 8],
      ),
  },
  'cumulative sum, tile, reverse': {
    inputs: [[3, 4]],
    run: (x) => tf.cumsum(tf.reverse(tf.tile(x!, [2, 1]), 0), 1),
  },
};

async function outcome(name: string, { inputs, run }: Case): Promise<number[][]> {
  await tf.setBackend(name);
  return tf.tidy(() => {
    const given = inputs.map((shape, i) => values(shape, 1 + i / 2));
    const forward = run(...given);
    // Weighted, so that no two elements of the output count the same.
    const weights = values(forward.shape, 0.7);
    const gradients = tf.grads((...x: tf.Tensor[]) => tf.sum(tf.mul(run(...x), weights)))(given);
    return [forward, ...gradients].map((x) => Array.from(x.dataSync()));
  });
}

describe('native kernels agree with tfjs’s own, forward and backward', () => {
  test.each(Object.entries(cases))('%s', async (_, example) => {
    const native = await outcome('tensorflow', example);
    const cpu = await outcome('cpu', example);
    expect(native).toHaveLength(cpu.length);
    native.forEach((numbers, i) => {
      expect(numbers).toHaveLength(cpu[i]!.length);
      const worst = Math.max(...numbers.map((x, j) => Math.abs(x - cpu[i]![j]!)));
      expect(worst).toBeLessThan(2e-5);
    });
  });
});

test('the backend says what it is', () => {
  expect(backend).toEqual({ name: 'tensorflow', version: '2.21.0' });
});

test('oneDNN is on', () => {
  expect(process.env.TF_ENABLE_ONEDNN_OPTS).not.toBe('0');
});

test('native memory is given back: 300 steps leave as many tensors as before', async () => {
  await tf.setBackend('tensorflow');
  const { binding } = tf.backend() as unknown as { binding: { getNumOfTensors(): number } };
  const filter = tf.variable(tf.tidy(() => values([3, 3, 3, 8])));
  const image = values([4, 16, 16, 3]);
  const step = () =>
    tf.tidy(() => {
      const loss = (w: tf.Tensor) => tf.sum(tf.relu(tf.conv2d(t4(image), t4(w), 1, 'valid')));
      filter.assign(tf.sub(filter, tf.mul(1e-4, tf.grad(loss)(filter))));
    });
  step();
  const before = [tf.memory().numTensors, binding.getNumOfTensors()];
  for (let i = 0; i < 300; i++) step();
  expect([tf.memory().numTensors, binding.getNumOfTensors()]).toEqual(before);
  tf.dispose([filter, image]);
});
