import type { Widths } from '@chainrule/fusion';
import { fusion } from '@chainrule/fusion/registry';
import { type Embedding, type Embeddings, key, normalArray, split } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { embeddings } from './inputs.js';

// What holds for every strategy that reads tokens, on top of the contract.

const widths = { audio: 4, image: 6, text: 5 };
const equal = { image: 6, text: 6 };
const names = fusion.names.filter(
  (name) => 'tokenWidths' in fusion.create(name, { widths: equal }).config,
);
const options = (name: string) => (name === 'attentionPooling' ? { over: 'tokens' } : {});
const create = (name: string, own: Widths, more: object = {}) =>
  fusion.create(name, { widths: own, ...options(name), ...more });

const random = (name: string, shape: [number, number, number]): tf.Tensor3D =>
  tf.tensor3d(normalArray(split(key(8), name), shape[0] * shape[1] * shape[2]), shape);

/** Each modality with so many real tokens, then as much padding, filled with large numbers. */
function padded(own: Widths, real: number, padding: number): Embeddings {
  return Object.fromEntries(
    Object.entries(embeddings(own)).map(([name, { vector }]) => {
      const width = vector.shape[1];
      const filler = tf.mul(random(`padding/${name}`, [3, padding, width]), 50);
      const tokens = tf.concat([random(name, [3, real, width]), filler], 1) as tf.Tensor3D;
      const mask = tf.concat([tf.ones([3, real]), tf.zeros([3, padding])], 1) as tf.Tensor2D;
      return [name, { vector, tokens, mask }];
    }),
  );
}

const without = ({ vector, tokens }: Embedding): Embedding => ({ vector, tokens: tokens! });

it('knows which strategies read tokens', () => {
  expect([...names].sort()).toEqual([
    'attentionPooling',
    'bilinearAttention',
    'bottleneck',
    'coAttention',
    'crossAttention',
    'crossmodalTransformer',
    'earlyTransformer',
    'filmBlocks',
    'nonLocalGate',
    'perceiverResampler',
    'relationNetwork',
  ]);
});

describe.each(names)('fusion.%s', (name) => {
  it('gives the same whatever stands in the padding, and without it', () => {
    tf.tidy(() => {
      // The places of objects depend on how many there are.
      const more = ['relationNetwork', 'filmBlocks'].includes(name) ? { coordinates: false } : {};
      const module = create(name, widths, more);
      const params = module.init(key(0));
      const given = padded(widths, 2, 3);
      const z = module.apply(params, given);
      const filled = Object.fromEntries(
        Object.entries(given).map(([modality, { vector, tokens, mask }]) => {
          const other = tf.where(tf.equal(tf.expandDims(mask!, 2), 1), tokens!, 7) as tf.Tensor3D;
          return [modality, { vector, tokens: other, mask: mask! }];
        }),
      );
      expectClose(module.apply(params, filled), z);
      const short = Object.fromEntries(
        Object.entries(padded(widths, 2, 0)).map(([m, given]) => [m, without(given)]),
      );
      expectClose(module.apply(params, short), z);
      expect(
        tf.max(tf.abs(tf.sub(z, module.apply(params, padded(widths, 3, 2))))).dataSync()[0],
      ).toBeGreaterThan(1e-4);
    });
  });

  it('sees padding of one modality where another has no mask', () => {
    tf.tidy(() => {
      const module = create(name, widths);
      const params = module.init(key(0));
      const { audio, image, text } = padded(widths, 4, 0);
      const z = module.apply(params, { audio: audio!, image: image!, text: text! });
      const mixed = { audio: audio!, image: without(image!), text: text! };
      expectClose(module.apply(params, mixed), z);
    });
  });

  it('stays finite where a text is nothing but padding', () => {
    tf.tidy(() => {
      const module = create(name, widths);
      const given = padded(widths, 4, 0);
      const mask = tf.zeros<tf.Rank.R2>([3, 4]);
      const empty = { ...given, text: { ...given.text!, mask } };
      const z = module.apply(module.init(key(0)), empty);
      expect(z.dataSync().every(Number.isFinite)).toBe(true);
    });
  });

  it('takes tokens of other widths than the vectors', () => {
    tf.tidy(() => {
      const module = create(name, widths, { tokenWidths: { audio: 2, text: 3 } });
      expect(module.config.tokenWidths).toEqual({ audio: 2, image: 6, text: 3 });
      const given = embeddings(widths);
      const input = {
        image: given.image!,
        audio: { ...given.audio!, tokens: random('a', [3, 4, 2]) },
        text: { ...given.text!, tokens: random('t', [3, 4, 3]) },
      };
      const z = module.apply(module.init(key(0)), input);
      expect(z.shape).toEqual([3, module.width]);
      expect(() => module.apply(module.init(key(0)), given)).toThrow(
        new RegExp(`fusion.${name}: (audio|text)'s tokens must be \\[3, tokens, [23]\\]`),
      );
    });
  });

  it('says so where an encoder gives no tokens', () => {
    tf.tidy(() => {
      const module = create(name, widths);
      const vectors = Object.fromEntries(
        Object.entries(embeddings(widths)).map(([m, { vector }]) => [m, { vector }]),
      );
      expect(() => module.apply(module.init(key(0)), vectors)).toThrow(
        new RegExp(
          `fusion.${name}: \\w+ has no tokens, its encoder gives only a vector; take an encoder that`,
        ),
      );
    });
  });

  it('names a mask of the wrong shape, and token widths that are wrong', () => {
    tf.tidy(() => {
      const module = create(name, widths);
      const given = Object.fromEntries(
        Object.entries(embeddings(widths)).map(([m, embedding]) => [
          m,
          { ...embedding, mask: tf.ones<tf.Rank.R2>([3, 5]) },
        ]),
      );
      expect(() => module.apply(module.init(key(0)), given)).toThrow(
        /'s mask must be \[3, 4\], got \[3, 5\]/,
      );
    });
    expect(() => create(name, widths, { tokenWidths: { video: 3 } })).toThrow(
      `fusion.${name}: tokenWidths names "video", which widths does not`,
    );
    expect(() => create(name, widths, { tokenWidths: { text: 0 } })).toThrow(/tokenWidths\.text/);
  });
});

it('a strategy of vectors made by name ignores the widths of tokens', () => {
  const made = fusion.create('product', {
    widths: { image: 4, text: 4 },
    tokenWidths: { image: 3 },
  });
  expect(made.config).toEqual({ type: 'product', widths: { image: 4, text: 4 } });
});

it('dropout in transformers needs a key in training, and draws by it', () => {
  tf.tidy(() => {
    const module = create('earlyTransformer', widths, { dropout: 0.5 });
    const params = module.init(key(0));
    const input = embeddings(widths);
    const draw = (seed: number) =>
      module.apply(params, input, { training: true, key: key(seed) }).dataSync();
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(() => module.apply(params, input, { training: true })).toThrow('training needs a key');
  });
});

it('refuses options that can not be', () => {
  const two = { image: 6, text: 6 };
  expect(() => create('crossAttention', two, { query: 'audio' })).toThrow(
    'fusion.crossAttention: query must be one of image, text, got "audio"',
  );
  expect(() => create('relationNetwork', two, { objects: 'audio' })).toThrow(
    'fusion.relationNetwork: objects must be one of image, text, got "audio"',
  );
  expect(() => create('earlyTransformer', two, { heads: 4 })).toThrow(
    'tensor.multiHeadAttention: heads must divide width, got 4 heads of width 6',
  );
  for (const name of ['crossAttention', 'coAttention', 'bilinearAttention', 'relationNetwork']) {
    expect(() => create(name, { image: 6 })).toThrow('widths must name at least 2 modalities');
  }
});
