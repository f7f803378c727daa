import '@tensorflow/tfjs';
import { ChainruleError, flatten, key } from '@chainrule/tensor';
import { expectClose, gradients, loadFixture } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { type BertParams, bert, bertParams } from '../src/index.js';

interface Packed {
  readonly shape: number[];
  readonly data: number[];
}
interface Fixture {
  readonly tiny: {
    readonly ids: number[][];
    readonly state: { readonly [name: string]: Packed };
    readonly vector: Packed;
    readonly tokens: Packed;
    readonly weights: Packed;
    readonly gradients: { readonly [name: string]: Packed };
  };
}
const { tiny } = loadFixture<Fixture>(import.meta.url, 'bert.json');
const raw = ({ shape, data }: Packed) =>
  ({ dtype: 'float32', shape, data: Float32Array.from(data) }) as const;
const read = (packed: { readonly [name: string]: Packed }) =>
  new Map(Object.entries(packed).map(([name, value]) => [name, raw(value)]));

const encoder = bert({
  vocabulary: 9,
  width: 8,
  layers: 2,
  heads: 2,
  feedForward: 12,
  maxLength: 6,
});
const ids = () => tf.tensor2d(tiny.ids, undefined, 'int32');

describe('bert', () => {
  it('agrees with transformers on PyTorch in output and gradients', () => {
    tf.tidy(() => {
      const params = bertParams(read(tiny.state), encoder.config);
      const run = (p: BertParams) => encoder.apply(p, ids());
      const { vector, tokens, mask } = run(params);
      expectClose(vector, tiny.vector);
      expectClose(tf.mul(tokens!, tf.expandDims(mask!, 2)), tiny.tokens, { atol: 2e-5 });

      const weights = tf.tensor(tiny.weights.data, tiny.weights.shape);
      const own = gradients((p) => tf.sum(tf.mul(run(p).vector, weights)), params);
      // The gradients of a tree come by the same names as the tree itself.
      const positions = tiny.gradients['embeddings.position_embeddings.weight']!;
      const segments = tiny.gradients['embeddings.token_type_embeddings.weight']!;
      const zeros = { shape: segments.shape, data: segments.data.map(() => 0) };
      const named = {
        ...tiny.gradients,
        'embeddings.position_embeddings.weight': positions,
        'embeddings.token_type_embeddings.weight': zeros,
      };
      const expected = gradientTree(named);
      expect([...own.keys()].sort()).toEqual([...expected.keys()].sort());
      for (const [path, gradient] of expected) {
        expectClose(own.get(path)!, gradient, { atol: 1e-5 });
      }
    });
  });

  it('sees no padding, and has a vector of zeros for padding alone', () => {
    tf.tidy(() => {
      const params = encoder.init(key(0));
      const short = tf.tensor2d([[2, 3]], [1, 2], 'int32');
      const long = tf.tensor2d([[2, 3, 0, 0, 0]], [1, 5], 'int32');
      const { vector } = encoder.apply(params, long);
      expect([...vector.dataSync()]).toEqual([...encoder.apply(params, short).vector.dataSync()]);
      expectClose(tf.norm(vector), 1);
      const nothing = encoder.apply(params, tf.zeros([1, 3], 'int32')).vector;
      expect([...nothing.dataSync()]).toEqual(new Array(8).fill(0));
    });
  });

  it('refuses ids that are longer than the positions', () => {
    tf.tidy(() => {
      const long = tf.ones([1, 7], 'int32') as tf.Tensor2D;
      expect(() => encoder.apply(encoder.init(key(0)), long)).toThrow(
        'encoders-text.bert: ids are 7 long and the positions reach 6; cut the texts',
      );
    });
  });

  it('drops while training, by its key', () => {
    tf.tidy(() => {
      const dropping = bert({ ...options(), dropout: 0.5 });
      const params = dropping.init(key(0));
      const run = (seed: number) =>
        dropping.apply(params, ids(), { training: true, key: key(seed) }).vector.dataSync();
      expect(run(1)).toEqual(run(1));
      expect(run(1)).not.toEqual(run(2));
    });
  });
});

describe('bertParams', () => {
  const failure = (state: { readonly [name: string]: Packed }) => {
    const before = tf.memory().numTensors;
    try {
      bertParams(read(state), encoder.config);
    } catch (error) {
      expect(tf.memory().numTensors).toBe(before);
      return error as ChainruleError;
    }
    throw new Error('expected an error');
  };

  it('names a tensor of another shape, and one that is missing', () => {
    const name = 'encoder.layer.1.output.dense.weight';
    const { [name]: gone, ...rest } = tiny.state;
    const missing = failure(rest);
    expect(missing).toBeInstanceOf(ChainruleError);
    expect(missing.code).toBe('WEIGHTS');
    expect(missing.message).toContain(`"${name}" must be float32 [8, 12], the file has nothing`);
    const turned = failure({ ...rest, [name]: { shape: [12, 8], data: gone!.data } });
    expect(turned.message).toContain('the file has float32 [12, 8]');
  });

  it('reads names with a prefix', () => {
    const prefixed = Object.fromEntries(
      Object.entries(tiny.state).map(([name, value]) => [`bert.${name}`, value]),
    );
    tf.tidy(() => {
      expect(() => bertParams(read(prefixed), encoder.config, 'bert.')).not.toThrow();
    });
  });
});

function options() {
  const { type: _, ...rest } = encoder.config;
  return rest;
}

function gradientTree(named: { readonly [name: string]: Packed }) {
  const tree = bertParams(
    read({
      ...Object.fromEntries(
        Object.entries(tiny.state).filter(([name]) => name.endsWith('key.bias')),
      ),
      ...named,
    }),
    encoder.config,
  );
  return new Map(flatten(tree));
}
