import '@tensorflow/tfjs';
import { key, type Params, type Tree, unflatten } from '@chainrule/tensor';
import { expectClose, gradients, loadFixture } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { textEncoders } from '../src/registry.js';

interface Packed {
  shape: number[];
  data: number[];
}
interface Case {
  kind: string;
  options: object;
  params: { [path: string]: Packed };
  vector: Packed;
  tokens: Packed;
  weights: { vector: Packed; tokens: Packed };
  gradients: { [path: string]: Packed };
}
interface Fixture {
  ids: number[][];
  cases: Case[];
}
const tensor = ({ shape, data }: Packed) => tf.tensor(data, shape);
const cases = ['encoders.json', 'transformer.json'].flatMap((name) => {
  const { ids, cases } = loadFixture<Fixture>(import.meta.url, name);
  return cases.map((each) => ({ ...each, ids, about: JSON.stringify(each.options) }));
});

describe.each(cases)('$kind $about', ({ kind, options, ids, ...expected }) => {
  it('agrees with PyTorch in output and gradients', () => {
    tf.tidy(() => {
      const encoder = textEncoders.create(kind, options);
      const given = unflatten(
        encoder.init(key(0)) as Tree<tf.Tensor>,
        new Map(Object.entries(expected.params).map(([path, value]) => [path, tensor(value)])),
      ) as Params;
      const run = (params: Params) => {
        const { vector, tokens, mask } = encoder.apply(
          params,
          tf.tensor2d(ids, undefined, 'int32'),
        );
        return { vector, tokens: tf.mul(tokens!, tf.expandDims(mask!, 2)) };
      };
      const found = run(given);
      expectClose(found.vector, expected.vector);
      expectClose(found.tokens, expected.tokens);
      const loss = (params: Params) => {
        const { vector, tokens } = run(params);
        return tf.add(
          tf.sum(tf.mul(vector, tensor(expected.weights.vector))),
          tf.sum(tf.mul(tokens, tensor(expected.weights.tokens))),
        );
      };
      const own = gradients(loss, given);
      expect([...own.keys()].sort()).toEqual(Object.keys(expected.gradients).sort());
      for (const [path, gradient] of Object.entries(expected.gradients)) {
        // Sums of many terms lose the small ones: the tolerance is relative to the largest element.
        const largest = Math.max(1, ...gradient.data.map(Math.abs));
        expectClose(own.get(path)!, gradient, { atol: 1e-5 * largest });
      }
    });
  });
});
