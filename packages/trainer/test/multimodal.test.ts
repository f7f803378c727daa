import '@tensorflow/tfjs';
import { small } from '@chainrule/encoders-image';
import { bagOfWords, lstm } from '@chainrule/encoders-text';
import {
  concat,
  earlyTransformer,
  type Fusion,
  film,
  gated,
  max,
  mean,
  product,
  relationNetwork,
  sum,
} from '@chainrule/fusion';
import { type Embedding, type Encoder, flatten, key, mlp, uniformArray } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { type MultimodalInput, type MultimodalParams, multimodal } from '../src/index.js';
import { modelFromConfig } from '../src/registry.js';
import { failure } from './support.js';

beforeAll(() => tf.setBackend('cpu'));

const encoders = () => ({
  // tanh, since a ReLU may be 0 for every example.
  image: small({ size: [16, 16], width: 8, activation: 'tanh' }),
  text: lstm({ vocabulary: 9, embedding: 3, width: 8 }),
});
const head = (width: number) => mlp({ in: width, hidden: [5], out: 3, activation: 'tanh' });

const pixels = (count: number) =>
  tf.tensor4d(uniformArray(key(1), count * 16 * 16 * 3), [count, 16, 16, 3]);
const ids = tf.tensor2d(
  [
    [2, 3, 0],
    [4, 0, 0],
    [5, 6, 7],
  ],
  [3, 3],
  'int32',
);

const vectors = { concat, film, gated, max, mean, product, sum };
// Their tokens are wider than their vectors: the model says so.
const tokens = { earlyTransformer, relationNetwork };
const strategies = { ...vectors, ...tokens };

describe.each(Object.entries(strategies))('multimodal with %s', (name, fusion) => {
  const model = multimodal({ encoders: encoders(), fusion, head });

  it('maps inputs to outputs and fused vectors', () => {
    const params = model.init(key(0));
    const input = { inputs: { image: pixels(3), text: ids } };
    expect(model.apply(params, input).shape).toEqual([3, 3]);
    expect(model.fuse(params, input).shape).toEqual([3, model.fusion.width]);
    const { image, text } = model.embed(params, input);
    expect(image!.vector.shape).toEqual([3, 8]);
    expect(text!.tokens!.shape).toEqual([3, 3, 8]);
    expect(text!.mask!.arraySync()).toEqual([
      [1, 1, 0],
      [1, 0, 0],
      [1, 1, 1],
    ]);
  });

  it('is rebuilt from its config', () => {
    const again = modelFromConfig(JSON.parse(JSON.stringify(model.config)));
    expect(again.config).toEqual(model.config);
    const input = { inputs: { image: pixels(3), text: ids } };
    const [a, b] = [model, again].map((each) =>
      each.apply(each.init(key(3)) as never, input as never).arraySync(),
    );
    expect(b).toEqual(a);
  });

  it('encodes each distinct input once and gathers rows', () => {
    const params = model.init(key(0));
    const three = pixels(3);
    const rows = {
      image: tf.tensor1d([2, 0, 0, 1], 'int32'),
      text: tf.tensor1d([0, 0, 1, 2], 'int32'),
    };
    const shared = model.apply(params, { inputs: { image: three, text: ids }, rows });
    const single = model.apply(params, {
      inputs: { image: tf.gather(three, rows.image), text: tf.gather(ids, rows.text) },
    });
    const [x, y] = [shared.arraySync().flat(), single.arraySync().flat()];
    x.forEach((value, i) => {
      expect(value).toBeCloseTo(y[i]!, 5);
    });
  });

  it('reaches every parameter with the gradient', () => {
    const params = model.init(key(2));
    const input = { inputs: { image: pixels(3), text: ids } };
    const leaves = flatten(params);
    const loss = () => tf.sum(tf.square(model.apply(params, input))) as tf.Scalar;
    const { grads } = tf.engine().gradients(
      loss,
      leaves.map(([, leaf]) => leaf),
    );
    const dead = leaves.filter((_, i) => !grads[i] || tf.max(tf.abs(grads[i]!)).arraySync() === 0);
    // Who reads only the tokens of the image has no use for the layer that makes its vector.
    const unread = Object.hasOwn(tokens, name) ? /^encoders\/image\/dense\// : /^$/;
    expect(dead.map(([path]) => path).filter((path) => !unread.test(path))).toEqual([]);
  });

  it('leaks no tensor', () => {
    const params = model.init(key(0));
    const input = {
      inputs: { image: pixels(3), text: ids },
      rows: { text: tf.range(0, 3, 1, 'int32') },
    };
    const before = tf.memory().numTensors;
    model.apply(params, input).dispose();
    model.fuse(params, input).dispose();
    tf.dispose(model.embed(params, input) as never);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('multimodal', () => {
  it('gathers tokens only for a strategy that asks for them', () => {
    const read: string[] = [];
    const spy: Encoder<tf.Tensor2D> = {
      config: { type: 'spy' },
      width: 2,
      init: () => ({}),
      apply: (_params, x): Embedding => ({ vector: x, tokens: tf.expandDims(x, 1) }),
    };
    const first: Fusion = {
      config: { type: 'first' },
      width: 2,
      init: () => ({}),
      apply: (_params, { a }) => {
        read.push(...Object.keys(a!));
        return tf.add(a!.vector, tf.reshape(a!.tokens!, [-1, 2]));
      },
    };
    const head = (width: number) => mlp({ in: width, out: 1 });
    const model = multimodal({ encoders: { a: spy }, fusion: first, head });
    const x = tf.tensor2d([
      [1, 2],
      [3, 4],
    ]);
    const rows = { a: tf.tensor1d([1, 1, 0], 'int32') };
    const fused = model.fuse(model.init(key(0)), { inputs: { a: x }, rows });
    expect(fused.arraySync()).toEqual([
      [6, 8],
      [6, 8],
      [2, 4],
    ]);
    expect(read).toEqual(['vector', 'tokens']);
  });

  it('initialises each part from a key of its own', () => {
    const encoder = () => bagOfWords({ vocabulary: 5, width: 3 });
    const model = multimodal({ encoders: { a: encoder(), b: encoder() }, fusion: sum, head });
    const { a, b } = model.init(key(0)).encoders;
    const [x, y] = [a, b].map((params) => flatten(params).map(([, leaf]) => leaf.arraySync()));
    expect(x).not.toEqual(y);
  });

  it('gives each part randomness of its own while training', () => {
    const model = multimodal({
      encoders: { image: small({ size: [16, 16], width: 4, augment: ['flip'] }) },
      fusion: sum,
      head: (width) => mlp({ in: width, hidden: [64], out: 2, dropout: 0.5 }),
    });
    const params = model.init(key(0));
    const input = { inputs: { image: pixels(2) } };
    const run = (seed: number) =>
      model.apply(params, input, { training: true, key: key(seed) }).arraySync();
    expect(run(1)).toEqual(run(1));
    expect(run(1)).not.toEqual(run(2));
  });

  it('says which input is missing', async () => {
    const model = multimodal({ encoders: encoders(), fusion: sum, head });
    const inputs = { text: ids } as never;
    const error = await failure(() => model.apply(model.init(key(0)), { inputs }));
    expect(error).toMatchObject({
      code: 'MODALITY',
      message:
        'multimodal: the input lacks "image", it has text; give one tensor for each of image, text',
    });
  });

  it('needs an encoder, and widths that fit', async () => {
    const none = await failure(() => multimodal({ encoders: {}, fusion: sum, head }));
    expect(none.message).toBe(
      'multimodal: give at least one encoder: { encoders: { image: cnn(…), text: lstm(…) } }',
    );
    const uneven = {
      a: bagOfWords({ vocabulary: 5, width: 3 }),
      b: lstm({ vocabulary: 5, width: 4 }),
    };
    const error = await failure(() => multimodal({ encoders: uneven, fusion: product, head }));
    expect(error.message).toMatch(/a: 3.*b: 4|a.*3.*b.*4/);
    const params = multimodal({ encoders: uneven, fusion: concat, head });
    expect(params.fusion.width).toBe(7);
  });

  it('says where parts made apart do not fit', async () => {
    const made = gated({ widths: { image: 8, text: 4 } });
    const error = await failure(() => multimodal({ encoders: encoders(), fusion: made, head }));
    expect(error.message).toMatch(
      'the encoders give { image: 8, text: 8 }, the fusion "gated" takes { image: 8, text: 4 }',
    );
    const wide = () => mlp({ in: 16, out: 3 });
    const other = await failure(() =>
      multimodal({ encoders: encoders(), fusion: product, head: wide }),
    );
    expect(other.message).toMatch('the fused vector has width 8, the head "mlp" takes 16');
  });

  it('refuses a batch of zero', async () => {
    const model = multimodal({ encoders: encoders(), fusion: sum, head });
    const inputs = { image: tf.zeros([0, 16, 16, 3]), text: tf.zeros([0, 3], 'int32') };
    const error = await failure(() => model.apply(model.init(key(0)), { inputs }));
    expect(error.code).toBe('EMPTY_BATCH');
  });

  it('types parameters and inputs by modality', () => {
    const model = multimodal({ encoders: encoders(), fusion: gated, head });
    const params = model.init(key(0));
    type E = ReturnType<typeof encoders>;
    expectTypeOf(params).toEqualTypeOf<MultimodalParams<E>>();
    expectTypeOf(params.encoders.image).toEqualTypeOf<ReturnType<E['image']['init']>>();
    expectTypeOf(params.encoders.text.lstm.kernel).toEqualTypeOf<tf.Tensor2D>();
    expectTypeOf(params.encoders).not.toHaveProperty('sound');
    expectTypeOf<Parameters<typeof model.apply>[1]>().toEqualTypeOf<MultimodalInput<E>>();
    expectTypeOf<{ inputs: { image: tf.Tensor } }>().not.toExtend<MultimodalInput<E>>();
    expect(Object.keys(params.encoders)).toEqual(['image', 'text']);
  });
});
