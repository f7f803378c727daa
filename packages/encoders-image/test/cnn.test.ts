import '@tensorflow/tfjs';
import { type Context, countParams, disposeTree, flatten, key, type Tree } from '@chainrule/tensor';
import {
  checkGradients,
  expectClose,
  gradients,
  loadFixture,
  moduleContract,
} from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { article, type CnnOptions, type CnnParams, cnn, small } from '../src/index.js';
import { imageEncoders } from '../src/registry.js';

interface Data {
  readonly shape: number[];
  readonly data: number[];
}
type Layer = { readonly [name: string]: Data };
interface Params<T> {
  readonly blocks: readonly { readonly [name: string]: T }[];
  readonly dense: { readonly [name: string]: T };
}
interface Case {
  readonly config: CnnOptions;
  readonly pixels: Data;
  readonly params: Params<Data>;
  readonly weights: Data;
  readonly vector: Data;
  readonly tokens: Data;
  readonly evaluated: Data;
  readonly gradients: Params<Data>;
  readonly statisticsBefore: readonly Layer[];
  readonly statisticsAfter: readonly Layer[];
}
const cases = loadFixture<{ [name: string]: Case }>(import.meta.url, 'cnn.json');
const tensor = ({ shape, data }: Data) => tf.tensor(data, shape);
const tensors = (layer: Layer) =>
  Object.fromEntries(Object.entries(layer).map(([name, value]) => [name, tensor(value)]));

/** The fixture's parameters as those of the encoder: a norm's leaves stand below `norm`. */
function paramsOf(layers: Params<Data>, statistics: readonly Layer[]): CnnParams {
  const blocks = layers.blocks.map((layer, i) => {
    const { gain, shift, ...rest } = tensors(layer);
    const running = Object.keys(statistics[i]!).length > 0;
    return gain === undefined
      ? rest
      : {
          ...rest,
          norm: {
            scale: gain,
            offset: shift,
            ...(running ? { statistics: tensors(statistics[i]!) } : {}),
          },
        };
  });
  return { blocks, dense: tensors(layers.dense) } as unknown as CnnParams;
}

describe.each(Object.entries(cases))('agrees with PyTorch: %s', (_name, given) => {
  const run = (params: CnnParams, context?: Context) =>
    cnn(given.config).apply(params, tensor(given.pixels) as tf.Tensor4D, context);

  it('in its output, in training and outside', () => {
    tf.tidy(() => {
      const params = paramsOf(given.params, given.statisticsBefore);
      const { vector, tokens } = run(params, { training: true, key: key(0) });
      expectClose(vector, given.vector);
      expectClose(tokens!, given.tokens);
      expectClose(run(params).vector, given.evaluated);
    });
  });

  it('in its gradients', () => {
    tf.tidy(() => {
      const params = paramsOf(given.params, given.statisticsBefore);
      const context: Context = { training: true, key: key(0) };
      const found = gradients((p) => run(p, context).vector, params, tensor(given.weights));
      const empty = given.statisticsBefore.map(() => ({}));
      for (const [path, expected] of flatten(paramsOf(given.gradients, empty) as Tree<tf.Tensor>)) {
        const largest = Math.max(...expected.dataSync().map(Math.abs));
        expectClose(found.get(path)!, expected, { atol: 1e-5 * largest });
      }
    });
  });

  it('in the statistics that it reports', () => {
    tf.tidy(() => {
      const params = paramsOf(given.params, given.statisticsBefore);
      const reported = new Map<tf.Tensor, tf.Tensor>();
      run(params, { training: true, update: (leaf, value) => reported.set(leaf, tf.keep(value)) });
      const before = flatten(params as Tree<tf.Tensor>).filter(([path]) => /statistics/.test(path));
      expect(reported.size).toBe(before.length);
      const after = new Map(
        flatten(paramsOf(given.params, given.statisticsAfter) as Tree<tf.Tensor>),
      );
      for (const [path, leaf] of before) expectClose(reported.get(leaf)!, after.get(path)!);
      tf.dispose([...reported.values()]);
    });
  });
});

const tiny = { size: [8, 6], width: 5 } as const;
const modules: { [name: string]: () => ReturnType<typeof cnn> } = {
  cnn: () =>
    cnn({ ...tiny, activation: 'tanh', blocks: [{ filters: 4, pool: 2 }, { filters: 3 }] }),
  'cnn with flatten and flips': () =>
    cnn({ ...tiny, pool: 'flatten', blocks: [{ filters: 3, stride: 2 }], augment: ['flip'] }),
  'cnn with group norm': () =>
    cnn({ ...tiny, activation: 'tanh', blocks: [{ filters: 3, norm: 'group', groups: 3 }] }),
  'cnn with batch norm': () =>
    cnn({ ...tiny, activation: 'tanh', blocks: [{ filters: 3, norm: 'batch' }] }),
  'cnn with coordinates': () =>
    cnn({ ...tiny, activation: 'tanh', coordinates: true, blocks: [{ filters: 3 }] }),
  article: () => article(tiny),
  small: () => small({ ...tiny, size: [16, 16], activation: 'tanh' }),
  'small with strides': () =>
    small({ ...tiny, size: [16, 16], activation: 'tanh', downsample: 'stride' }),
};
const pixelsFor = (encoder: ReturnType<typeof cnn>) => {
  const { size, channels } = encoder.config;
  return tf.randomUniform([3, ...size, channels], 0, 1, 'float32', 3) as tf.Tensor4D;
};

for (const [name, make] of Object.entries(modules)) {
  const [rows, columns, channels] = make().map;
  moduleContract(name, make, {
    input: () => pixelsFor(make()),
    outputShape: { vector: [3, 5], tokens: [3, rows * columns, channels] },
    fromConfig: imageEncoders.fromConfig,
  });
}

describe('gradients', () => {
  // Small has ReLUs four deep: a kink for every step that is not tiny.
  const smooth = Object.entries(modules).filter(([name]) => !name.startsWith('small'));
  it.each(smooth)('of %s agree with finite differences', (_name, make) => {
    tf.tidy(() => {
      const encoder = make();
      const x = pixelsFor(encoder);
      const context: Context = { training: true, key: key(5) };
      const { blocks, dense } = encoder.init(key(4));
      // Running statistics have no influence while training.
      const trained = { blocks, dense };
      checkGradients((p) => encoder.apply(p, x, context).vector, trained, { elements: 8 });
    });
  });
});

describe('cnn', () => {
  it('rejects pixels of another shape', () => {
    tf.tidy(() => {
      const encoder = small();
      const params = encoder.init(key(0));
      const apply = (shape: number[]) => () =>
        encoder.apply(params, tf.zeros<tf.Rank>(shape) as tf.Tensor4D);
      expect(apply([2, 32, 32, 3])).toThrow(
        'encoders-image.cnn: pixels must be [batch, 64, 64, 3], got [2, 32, 32, 3]',
      );
      expect(apply([64, 64, 3])).toThrow(
        'encoders-image.cnn: pixels must be [batch, 64, 64, 3], got [64, 64, 3]',
      );
      expect(apply([0, 64, 64, 3])).toThrow('batch of zero examples');
    });
  });

  it('says which block leaves nothing of the image', () => {
    expect(() => small({ size: [8, 8] })).toThrow(
      'encoders-image.cnn: block 3: nothing is left of a 1×1 map',
    );
    expect(() => cnn({ size: [2, 9], blocks: [{ filters: 2, padding: 'valid' }] })).toThrow(
      'encoders-image.cnn: block 0: nothing is left of a 2×9 map',
    );
  });

  it('names an option that is out of range', () => {
    expect(() => cnn({ width: 0 })).toThrow('width must be a positive integer, got 0');
    expect(() => cnn({ blocks: [{ filters: 1.5 }] })).toThrow(
      'encoders-image.cnn: block 0: filters must be a positive integer, got 1.5',
    );
    expect(() => cnn({ blocks: [{ filters: 6, norm: 'group', groups: 4 }] })).toThrow('groups');
    expect(() => imageEncoders.create('smalCnn')).toThrow('Did you mean "smallCnn"?');
  });

  it('has the article’s number of parameters', () => {
    const params = article().init(key(0));
    // With the text's LSTM of 128 (131,584) they make the article's 15,877,632.
    expect(countParams(params)).toBe(15_877_632 - 131_584);
    disposeTree(params);
    for (const downsample of ['pool', 'stride'] as const) {
      const few = small({ downsample }).init(key(0));
      expect(countParams(few)).toBe(68_832);
      disposeTree(few);
    }
  });
});

describe('coordinates', () => {
  it('are two more channels: row and column of each pixel', () => {
    tf.tidy(() => {
      const options = { size: [3, 2], width: 4, blocks: [{ filters: 3 }], pixels: 'none' } as const;
      const placed = cnn({ ...options, coordinates: true });
      const plain = cnn({ ...options, channels: 5 });
      const params = placed.init(key(0));
      const pixels = tf.randomUniform([2, 3, 2, 3], 0, 1, 'float32', 5) as tf.Tensor4D;
      const at = tf.tensor4d([-1, -1, -1, 1, 0, -1, 0, 1, 1, -1, 1, 1], [1, 3, 2, 2]);
      const both = tf.concat([pixels, tf.tile(at, [2, 1, 1, 1])], 3) as tf.Tensor4D;
      expectClose(placed.apply(params, pixels).vector, plain.apply(params, both).vector);
    });
  });
});
