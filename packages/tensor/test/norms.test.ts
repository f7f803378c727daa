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
  type BatchNormOptions,
  batchNorm,
  FUSED_BATCH_NORM,
  FUSED_BATCH_NORM_GRADIENT,
  type GroupNormOptions,
  groupNorm,
  key,
  type LayerNormOptions,
  layerNorm,
  type Module,
  type NormParams,
} from '../src/index.js';

interface Packed {
  shape: number[];
  data: number[];
}
type Case = Record<
  'x' | 'scale' | 'offset' | 'weights' | 'y' | 'dx' | 'dscale' | 'doffset',
  Packed
> & {
  kind: 'batchNorm' | 'layerNorm' | 'groupNorm';
  groups?: number;
  mean?: Packed;
  variance?: Packed;
  inference?: Packed;
};
const { cases } = loadFixture<{ cases: Case[] }>(import.meta.url, 'norms.json');
const tensor = ({ shape, data }: Packed) => tf.tensor(data, shape);
const title = ({ kind, x }: Case) => [`${kind} of [${x.shape}]`] as const;
const close = { rtol: 1e-4, atol: 2e-5 };

function make({ kind, groups, x }: Case): Module<tf.Tensor, tf.Tensor, NormParams> {
  const width = x.shape.at(-1)!;
  if (kind === 'batchNorm') return batchNorm<tf.Tensor>({ width }) as never;
  if (kind === 'layerNorm') return layerNorm<tf.Tensor>({ width });
  return groupNorm<tf.Tensor>({ width, groups: groups! });
}

describe.each(cases.map((c) => [...title(c), c] as const))(
  '%s agrees with PyTorch',
  (_title, c) => {
    const module = make(c);
    const params = {
      ...module.init(key(0)),
      scale: tensor(c.scale),
      offset: tensor(c.offset),
    } as NormParams;

    it('forward', () => {
      expectClose(module.apply(params, tensor(c.x), { training: true }), c.y, close);
    });

    it('gradients', () => {
      const x = tensor(c.x);
      const inputs = { x, params };
      const map = gradients(
        ({ x, params }) => module.apply(params, x, { training: true }),
        inputs,
        tensor(c.weights),
      );
      expectClose(map.get('x')!, c.dx, close);
      expectClose(map.get('params/scale')!, c.dscale, close);
      expectClose(map.get('params/offset')!, c.doffset, close);
      checkGradients(({ x, params }) => module.apply(params, x, { training: true }), {
        x,
        params: { scale: params.scale, offset: params.offset },
      } as typeof inputs);
    });

    if (c.kind === 'batchNorm') {
      it('running statistics and inference', () => {
        const reported: tf.Tensor[] = [];
        const update = (_leaf: tf.Tensor, value: tf.Tensor) => void reported.push(tf.keep(value));
        module.apply(params, tensor(c.x), { training: true, update });
        const [mean, variance] = reported as [tf.Tensor1D, tf.Tensor1D];
        expectClose(mean, c.mean!, close);
        expectClose(variance, c.variance!, close);
        const trained = { ...params, statistics: { mean, variance } };
        expectClose(module.apply(trained, tensor(c.x)), c.inference!, close);
      });
    }
  },
);

const image = () =>
  tf.tensor4d(
    Array.from({ length: 4 * 9 * 6 }, (_, i) => Math.sin(i * i)),
    [4, 3, 3, 6],
  );

moduleContract('batchNorm', () => batchNorm({ width: 6 }), {
  input: image,
  outputShape: [4, 3, 3, 6],
  fromConfig: ({ type: _, ...options }) => batchNorm(options as unknown as BatchNormOptions),
});
moduleContract('layerNorm', () => layerNorm<tf.Tensor4D>({ width: 6 }), {
  input: image,
  outputShape: [4, 3, 3, 6],
  fromConfig: ({ type: _, ...options }) => layerNorm(options as unknown as LayerNormOptions),
});
moduleContract('groupNorm', () => groupNorm({ width: 6, groups: 3 }), {
  input: image,
  outputShape: [4, 3, 3, 6],
  fromConfig: ({ type: _, ...options }) => groupNorm(options as unknown as GroupNormOptions),
});

describe('batchNorm with a fused kernel', () => {
  it('normalises and differentiates by it', () => {
    const used: string[] = [];
    const backendName = tf.getBackend();
    tf.registerKernel({
      kernelName: FUSED_BATCH_NORM,
      backendName,
      kernelFunc: ({ inputs, attrs }) => {
        used.push('forward');
        const { x, scale, offset } = inputs as Record<string, tf.Tensor4D>;
        const { mean, variance } = tf.moments(x!, [0, 1, 2]);
        const y = tf.batchNorm(
          x!,
          mean as tf.Tensor1D,
          variance as tf.Tensor1D,
          offset as never,
          scale as never,
          attrs!.epsilon as number,
        );
        return [y, mean, tf.mul(variance, 36 / 35), mean];
      },
    });
    tf.registerKernel({
      kernelName: FUSED_BATCH_NORM_GRADIENT,
      backendName,
      kernelFunc: ({ inputs }) => {
        const { dy, x, scale, r0 } = inputs as Record<string, tf.Tensor>;
        used.push(`backward ${r0!.shape}`);
        return [tf.mul(dy!, 2), tf.mul(scale!, 3), tf.mul(scale!, 4), x!].slice(0, 3);
      },
    });
    try {
      const norm = batchNorm({ width: 6 });
      const params = norm.init(key(0));
      const x = image();
      const map = gradients((p: typeof params) => norm.apply(p, x, { training: true }), params);
      expectClose(map.get('scale')!, [3, 3, 3, 3, 3, 3]);
      expectClose(map.get('offset')!, [4, 4, 4, 4, 4, 4]);
      expect(used).toEqual(['forward', 'backward 6']);
      const { mean } = tf.moments(norm.apply(params, x, { training: true }), [0, 1, 2]);
      expectClose(mean, tf.zeros([6]), { atol: 1e-5 });
    } finally {
      tf.unregisterKernel(FUSED_BATCH_NORM, backendName);
      tf.unregisterKernel(FUSED_BATCH_NORM_GRADIENT, backendName);
    }
  });
});

describe('norms refuse', () => {
  const x = tf.ones([2, 3]) as tf.Tensor2D;
  it('another last axis', () => {
    const norm = layerNorm({ width: 4 });
    expect(() => norm.apply(norm.init(key(0)), x)).toThrow(
      'tensor.layerNorm: input must be [batch, ..., 4], got [2, 3]',
    );
  });
  it('an empty batch', () => {
    const norm = groupNorm<tf.Tensor2D>({ width: 3, groups: 3 });
    expect(() => norm.apply(norm.init(key(0)), tf.zeros([0, 3]))).toThrow('batch of zero examples');
  });
  it('one value per channel in training', () => {
    const norm = batchNorm<tf.Tensor2D>({ width: 3 });
    const params = norm.init(key(0));
    expect(() => norm.apply(params, tf.ones([1, 3]), { training: true })).toThrow(
      'tensor.batchNorm: training needs two or more values per channel, got [1, 3]; use a larger batch',
    );
    expect(norm.apply(params, tf.ones([1, 3])).shape).toEqual([1, 3]);
  });
  it('wrong options', () => {
    expect(() => groupNorm({ width: 6, groups: 4 })).toThrow(
      'tensor.groupNorm: groups must divide width, got 4 groups of 6 channels',
    );
    expect(() => batchNorm({ width: 0 })).toThrow('width must be a positive integer, got 0');
    expect(() => layerNorm({ width: 2, epsilon: 0 })).toThrow('epsilon must be positive, got 0');
  });
});
