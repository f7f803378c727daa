import '@tensorflow/tfjs';
import {
  countParams,
  disposeTree,
  flatten,
  isTrainable,
  key,
  type Tree,
  unflatten,
} from '@chainrule/tensor';
import { expectClose, loadFixture, moduleContract } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { convNext, mlpMixer, residual, resizePositions, visionTransformer } from '../src/index.js';
import { imageEncoders } from '../src/registry.js';

interface Raw {
  readonly shape: number[];
  readonly data: number[];
}
interface Case {
  readonly config: object;
  readonly pixels: Raw;
  readonly vector: Raw;
  readonly params: { readonly [path: string]: Raw };
}

const tensor = ({ data, shape }: Raw) => tf.tensor(data, shape);
const fixtures = Object.entries(
  loadFixture<{ [name: string]: Case }>(import.meta.url, 'networks.json'),
);

describe.each(fixtures)('%s agrees with PyTorch', (_name, given) => {
  it('on copied weights', () => {
    tf.tidy(() => {
      const encoder = imageEncoders.fromConfig(given.config);
      const like = encoder.init(key(0));
      const leaves = new Map(
        Object.entries(given.params).map(([path, raw]) => [path, tensor(raw)]),
      );
      const params = unflatten(like as Tree<tf.Tensor>, leaves) as typeof like;
      const { vector } = encoder.apply(params, tensor(given.pixels) as tf.Tensor4D);
      const largest = Math.max(...given.vector.data.map(Math.abs));
      expectClose(vector, tensor(given.vector), { rtol: 1e-5, atol: 1e-5 * largest });
    });
  });
});

const tiny = { size: [8, 8], width: 5 } as const;
const networks = {
  'residual, basic': () => residual({ ...tiny, depths: [1, 1], filters: [3, 4] }),
  'residual, bottleneck, frozen': () =>
    residual({
      size: [16, 16],
      stem: 'imagenet',
      block: 'bottleneck',
      depths: [1, 1],
      filters: [2, 3],
      norm: 'frozen',
      head: 'features',
    }),
  convNext: () =>
    convNext({ ...tiny, depths: [1, 1], filters: [4, 6], kernel: 3, augment: ['flip', 'cutout'] }),
  visionTransformer: () =>
    visionTransformer({
      ...tiny,
      patch: 4,
      tokens: 6,
      layers: 2,
      heads: 2,
      pool: 'class',
      dropout: 0.1,
    }),
  'visionTransformer with other positions': () =>
    visionTransformer({ ...tiny, patch: 4, tokens: 6, layers: 1, heads: 2, positions: [3, 3] }),
  mlpMixer: () =>
    mlpMixer({ ...tiny, patch: 4, tokens: 6, layers: 2, augment: [{ type: 'crop', pad: 1 }] }),
};
const tokens: { [name: string]: [number, number] } = {
  'residual, basic': [16, 4],
  'residual, bottleneck, frozen': [4, 12],
  convNext: [4, 6],
};

for (const [name, make] of Object.entries(networks)) {
  const { size } = make().config;
  moduleContract(name, make as () => ReturnType<typeof residual>, {
    input: () => tf.randomUniform([3, ...size, 3], 0, 1, 'float32', 3) as tf.Tensor4D,
    outputShape: { vector: [3, make().width], tokens: [3, ...(tokens[name] ?? [4, 6])] },
    fromConfig: (config) => imageEncoders.fromConfig(config) as ReturnType<typeof residual>,
  });
}

describe('published sizes', () => {
  const large = { size: [224, 224], width: 1000 } as const;
  it.each([
    ['ResNet-18', () => residual({ ...large, stem: 'imagenet' }), 11_689_512],
    [
      'ResNet-50',
      () => residual({ ...large, stem: 'imagenet', block: 'bottleneck', depths: [3, 4, 6, 3] }),
      25_557_032,
    ],
    [
      'ConvNeXt-T',
      () => convNext({ ...large, patch: 4, depths: [3, 3, 9, 3], filters: [96, 192, 384, 768] }),
      28_589_128,
    ],
    // The published 5,717,416 count a bias of each layer's keys, which has no effect.
    [
      'ViT-Ti/16',
      () => visionTransformer({ ...large, patch: 16, layers: 12, pool: 'class' }),
      5_717_416 - 12 * 192,
    ],
    // 59.88 million, Mixer-B/16.
    [
      'Mixer-B/16',
      () =>
        mlpMixer({ ...large, patch: 16, tokens: 768, layers: 12, placesHidden: 384, hidden: 3072 }),
      59_880_472,
    ],
  ])('%s', (_name, make, expected) => {
    const params = make().init(key(0)) as Tree<tf.Tensor>;
    const trained = flatten(params).filter(([path]) => isTrainable(path));
    expect(trained.reduce((sum, [, leaf]) => sum + leaf.size, 0)).toBe(expected);
    expect(countParams(params)).toBeGreaterThanOrEqual(expected);
    disposeTree(params);
  });
});

describe('resizePositions', () => {
  it('keeps a grid of the same size, and a plane at any', () => {
    tf.tidy(() => {
      const plane = tf.tensor2d([0, 1, 2, 3, 4, 5], [6, 1]);
      expectClose(resizePositions(plane, [2, 3], [2, 3]), plane);
      expectClose(resizePositions(plane, [2, 3], [1, 1]), [2.5]);
      expectClose(resizePositions(tf.ones([6, 2]), [2, 3], [5, 4]), tf.ones([20, 2]));
    });
  });
});

describe('wrong options', () => {
  it('are named', () => {
    expect(() => visionTransformer({ size: [30, 32], patch: 8 })).toThrow(
      'encoders-image.visionTransformer: the images must be a whole number of patches, got 30×32 pixels and patches of 8',
    );
    expect(() => convNext({ size: [6, 6], patch: 2, depths: [1, 1], filters: [2, 2] })).toThrow(
      'whole number of patches, got 3×3',
    );
    expect(() => residual({ depths: [1], filters: [1, 2] })).toThrow(
      'depths and filters must be lists of one number a stage, got 1 and 2',
    );
    expect(() => residual({ augment: ['flip', { type: 'flip' }] })).toThrow('lists "flip" twice');
  });
});
