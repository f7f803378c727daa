import type { Fusion, Widths } from '@chainrule/fusion';
import { fusion } from '@chainrule/fusion/registry';
import { type Embeddings, flatten, key, type Tree } from '@chainrule/tensor';
import { expectClose, gradients, moduleContract } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { embeddings, reversed } from './inputs.js';

// One contract for every strategy in the registry: what a caller may rely on when one is swapped
// for another by its name.

const two = { image: 6, text: 6 };
const three = { audio: 6, image: 6, text: 6 };
const unequal = { image: 5, text: 3 };

function suite(name: string, options: { readonly widths: Widths; readonly width?: number }): void {
  const make = () => fusion.create(name, options);
  moduleContract(`fusion.${name} ${JSON.stringify(options)}`, make, {
    input: () => embeddings(options.widths),
    outputShape: [3, make().width],
    fromConfig: (config) => fusion.fromConfig(config),
    orderMatters: false,
  });
}

for (const name of fusion.names) {
  suite(name, { widths: two });
  suite(name, { widths: three });
  suite(name, { widths: unequal, width: 4 });
}

describe.each(fusion.names)('fusion.%s', (name) => {
  const create = (widths: Widths, width?: number): Fusion =>
    fusion.create(name, { widths, ...(width === undefined ? {} : { width }) });

  it('does not depend on the order in which the modalities were declared', () => {
    tf.tidy(() => {
      const a = create(unequal, 4);
      const b = create(reversed(unequal), 4);
      expect(JSON.stringify(b.config)).toBe(JSON.stringify(a.config));
      const [p, q] = [a.init(key(1)), b.init(key(1))];
      expect(paths(q)).toEqual(paths(p));
      const input = embeddings(unequal);
      expect(b.apply(q, reversed(input)).dataSync()).toEqual(a.apply(p, input).dataSync());
    });
  });

  it('keys parameters by modality, so another modality leaves the others as they were', () => {
    tf.tidy(() => {
      const p = new Map(flatten(create(unequal, 4).init(key(1)) as Tree<tf.Tensor>));
      const q = flatten(create({ ...unequal, video: 7 }, 4).init(key(1)) as Tree<tf.Tensor>);
      for (const [path, leaf] of q) {
        const same = p.get(path);
        if (same?.shape.join() === leaf.shape.join()) expectClose(leaf, same);
      }
    });
  });

  it('gives z its width', () => {
    tf.tidy(() => {
      for (const module of [create(two), create(three), create(unequal, 4)]) {
        const { widths } = module.config as unknown as { widths: Widths };
        const z = module.apply(module.init(key(0)), embeddings(widths));
        expect(z.shape).toEqual([3, module.width]);
      }
      expect(create(unequal, 4).width).toBe(4);
    });
  });

  it('names the modality whose width is wrong', () => {
    const module = create({ image: 512, text: 512 });
    tf.tidy(() => {
      const params = module.init(key(0));
      expect(() => module.apply(params, embeddings({ image: 768, text: 512 }, 32))).toThrow(
        `fusion.${name}: image must be [batch, 512], got [32, 768]`,
      );
    });
  });

  it('says so where modalities have different numbers of examples', () => {
    const module = create(two);
    tf.tidy(() => {
      const params = module.init(key(0));
      const input = { ...embeddings(two, 3), text: embeddings(two, 4).text! };
      expect(() => module.apply(params, input)).toThrow(
        `fusion.${name}: text must be [3, 6], got [4, 6]`,
      );
    });
  });

  it('names the modality that is missing, or that it does not know', () => {
    const module = create(two);
    tf.tidy(() => {
      const params = module.init(key(0));
      expect(() => module.apply(params, embeddings({ image: 6 }))).toThrow(
        `fusion.${name}: the modality "text" is missing; widths names image, text, the embeddings are image`,
      );
      expect(() => module.apply(params, embeddings(three))).toThrow(
        `fusion.${name}: does not know the modality "audio"; widths names image, text, the embeddings are audio, image, text`,
      );
    });
  });

  it('refuses a batch of zero', () => {
    const module = create(two);
    tf.tidy(() => {
      expect(() => module.apply(module.init(key(0)), embeddings(two, 0))).toThrow(
        `fusion.${name}: image has a batch of zero examples; give at least one`,
      );
    });
  });

  it('does without a modality, or says which strategies can', () => {
    const module = create(three);
    const all = embeddings(three);
    tf.tidy(() => {
      const params = module.init(key(0));
      const masked = (present: number[], nothing: number): Embeddings => {
        const mask = tf.tensor1d(present);
        const { vector, tokens } = all.text!;
        const or = (value: tf.Tensor) =>
          tf.where(
            tf.equal(tf.reshape(mask, [3, ...value.shape.slice(1).map(() => 1)]), 1),
            value,
            tf.fill(value.shape, nothing),
          ) as never;
        const text = { ...all.text!, vector: or(vector), tokens: or(tokens!), present: mask };
        return { ...all, text };
      };
      if (!module.acceptsMissing) {
        expect(() => module.apply(params, masked([1, 0, 1], 0))).toThrow(
          `fusion.${name}: text has a "present" mask, which this strategy can not use; take `,
        );
        return;
      }
      const z = module.apply(params, masked([1, 0, 1], 0));
      expectClose(module.apply(params, masked([1, 0, 1], Number.NaN)), z);
      expectClose(module.apply(params, masked([1, 1, 1], 0)), module.apply(params, all));
      const differences = tf.max(tf.abs(tf.sub(z, module.apply(params, all))), 1).dataSync();
      expect([...differences].map((difference) => difference > 1e-5)).toEqual([false, true, false]);
    });
  });

  it('stays finite, with its gradients, for an example that lacks every modality', () => {
    const module = create(two);
    if (!module.acceptsMissing) return;
    tf.tidy(() => {
      const params = module.init(key(0));
      const present = tf.tensor1d([1, 0, 1]);
      const { image, text } = embeddings(two);
      const tree = { params, image: { ...image! }, text: { ...text! } };
      const f = ({ params, image, text }: typeof tree) =>
        module.apply(params, { image: { ...image, present }, text: { ...text, present } });
      expect(f(tree).dataSync().every(Number.isFinite)).toBe(true);
      const found = gradients(f as never, tree as never);
      for (const [path, gradient] of found) {
        if (gradient === undefined || path.endsWith('mask')) continue;
        expect(gradient.dataSync().every(Number.isFinite), path).toBe(true);
        if (!path.startsWith('params')) {
          const absent = tf.slice(gradient, 1, 1);
          expectClose(absent, tf.zerosLike(absent));
        }
      }
    });
  });

  it('refuses bad options', () => {
    for (const width of [0, -1, 1.5]) {
      expect(() => create({ image: width, text: 6 })).toThrow(/fusion\.\w+: "?widths\.image/);
      expect(() => create(two, width)).toThrow(/fusion\.\w+: "?width\b/);
    }
    expect(() => create({})).toThrow(/fusion\.\w+: widths must name at least/);
    for (const bad of ['', 'statistics', 'a/b']) {
      expect(() => create({ [bad]: 6, text: 6 })).toThrow(`"${bad}" can not be a modality's name`);
    }
    expect(() => fusion.create(name, { widths: two, wdith: 4 })).toThrow('wdith');
    expect(() => fusion.create(name)).toThrow(/fusion\.\w+: "?widths/);
  });
});

function paths(params: unknown): string[] {
  return flatten(params as Tree<tf.Tensor>).map(([path]) => path);
}

it('names in the error just those strategies that accept missing modalities', () => {
  const able = fusion.names.filter((name) => fusion.create(name, { widths: two }).acceptsMissing);
  tf.tidy(() => {
    const module = fusion.create('product', { widths: two });
    const { image, text } = embeddings(two);
    const input = { image: image!, text: { ...text!, present: tf.tensor1d([1, 0, 1]) } };
    const last = able.sort().pop();
    expect(() => module.apply({}, input)).toThrow(`take ${able.join(', ')} or ${last}, wrap it`);
  });
});
