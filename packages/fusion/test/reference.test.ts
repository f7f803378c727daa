import { readdirSync } from 'node:fs';
import { fusion } from '@chainrule/fusion/registry';
import { type Embeddings, flatten, key, type Tree, unflatten } from '@chainrule/tensor';
import { checkGradients, expectClose, gradients, loadFixture } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';

interface Plain {
  readonly shape: number[];
  readonly data: number[];
}
interface Case {
  readonly type: string;
  readonly options: { readonly widths: { readonly [modality: string]: number } };
  /** The vectors by modality, and tokens as `image/tokens`. */
  readonly inputs: { readonly [path: string]: Plain };
  readonly masks?: { readonly [modality: string]: Plain };
  readonly params: { readonly [path: string]: Plain };
  readonly output: Plain;
  readonly upstream: Plain;
  readonly gradients: { readonly [path: string]: Plain };
}

const cases = readdirSync(new URL('fixtures', import.meta.url))
  .filter((file) => file.endsWith('.json'))
  .flatMap((file) => loadFixture<{ cases: Case[] }>(import.meta.url, file).cases);
const tensor = ({ shape, data }: Plain) => tf.tensor(data, shape);

/** What `apply` takes, as one tree: `params/…` and `inputs/…`. */
type Inputs = { params: Tree<tf.Tensor>; inputs: { [modality: string]: tf.Tensor } };

function applied({ type, options, masks = {} }: Case) {
  const module = fusion.create(type, options);
  const f = ({ params, inputs }: Inputs) => {
    const embeddings = Object.keys(options.widths).map((name) => [
      name,
      {
        vector: inputs[name],
        tokens: inputs[`${name}/tokens`],
        mask: masks[name] && tensor(masks[name]),
      },
    ]);
    return module.apply(params as never, Object.fromEntries(embeddings) as Embeddings);
  };
  return { module, f };
}

it('has a PyTorch reference for every strategy, with two and three modalities', () => {
  for (const name of fusion.names) {
    const counts = cases
      .filter(({ type }) => type === name)
      .map(({ options }) => Object.keys(options.widths).length);
    expect(new Set(counts)).toEqual(new Set([2, 3]));
  }
});

describe.each(cases)('fusion.$type $options', (reference) => {
  it('agrees with PyTorch in output and gradients', () => {
    tf.tidy(() => {
      const { module, f } = applied(reference);
      const like = module.init(key(0)) as Tree<tf.Tensor>;
      const given = new Map(Object.entries(tensors(reference.params)));
      const params: Tree<tf.Tensor> = unflatten(like, given);
      const all = { params, inputs: tensors(reference.inputs) };
      expectClose(f(all), reference.output);
      const found = gradients(f, all, tensor(reference.upstream));
      expect(new Set(found.keys())).toEqual(new Set(Object.keys(reference.gradients)));
      for (const [path, expected] of Object.entries(reference.gradients)) {
        expectClose(found.get(path) ?? tf.zeros(expected.shape), expected);
      }
    });
  });

  it('has the gradients that finite differences give', () => {
    tf.tidy(() => {
      const { module, f } = applied(reference);
      const like = module.init(key(3)) as Tree<tf.Tensor>;
      const leaves = flatten(like).length;
      expect(leaves).toBe(Object.keys(reference.params).length);
      // Where there are many tensors, a direction through all of them is what is checked.
      const elements = Math.min(8, Math.floor(100 / leaves));
      const params: Tree<tf.Tensor> = unflatten(
        like,
        new Map(Object.entries(tensors(reference.params))),
      );
      checkGradients(f, { params, inputs: tensors(reference.inputs) }, { elements, eps: 3e-3 });
    });
  });
});

function tensors(plain: { readonly [path: string]: Plain }): { [path: string]: tf.Tensor } {
  return Object.fromEntries(Object.entries(plain).map(([path, value]) => [path, tensor(value)]));
}
