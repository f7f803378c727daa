import {
  type Config,
  type Context,
  disposeTree,
  flatten,
  isTrainable,
  key,
  type Module,
  mapTree,
  normalArray,
  type Params,
  split,
  type Tree,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { expectClose } from './close.js';
import { gradients } from './gradients.js';
import { expectNoLeaks } from './leaks.js';

/** The shape of a tensor, or of each tensor of an output such as an Embedding, by path. */
export type OutputShape = readonly number[] | { readonly [path: string]: readonly number[] };

export interface ContractOptions<In, Out, P extends Params> {
  /** Makes the input, a tree of tensors with the batch first; called anew for each test, which disposes it. */
  readonly input: () => In;
  /** With the batch: `[3, 16]`, or `{ vector: [3, 16], tokens: [3, 5, 16] }`. */
  readonly outputShape: OutputShape;
  /** Rebuilds the module: the registry's `fromConfig`, or a line that calls the factory. */
  readonly fromConfig: (config: Config) => Module<In, Out, P>;
  /** Paths of parameters that this input can not reach; default none. */
  readonly unreached?: RegExp;
  /**
   * For modules whose input is an object of modalities. False: the output is the same when the
   * modalities come in reverse order; true: it differs. Not tested by default.
   */
  readonly orderMatters?: boolean;
}

/**
 * The contract that every module keeps, as a vitest suite:
 * output shape; `config` is plain JSON and rebuilds the module; the same seed gives the same
 * numbers; the gradient reaches every trainable parameter; nothing leaks; parameters and input are
 * neither changed nor disposed; an example's output does not depend on the rest of its batch
 * (outside of training); statistics are reported with their shapes.
 *
 * @example
 * moduleContract('dense', () => dense({ in: 4, out: 3 }), {
 *   input: () => tf.ones([2, 4]),
 *   outputShape: [2, 3],
 *   fromConfig: ({ type, ...options }) => dense(options as DenseOptions),
 * });
 */
export function moduleContract<
  In extends Tree<tf.Tensor> | object,
  Out extends Tree<tf.Tensor> | object,
  P extends Params,
  C extends Config,
>(name: string, make: () => Module<In, Out, P, C>, options: ContractOptions<In, Out, P>): void {
  const { input, outputShape, fromConfig, unreached, orderMatters } = options;
  const training: Context = { training: true, key: key(1) };
  const leaves = (tree: unknown) => flatten(tree as Tree<tf.Tensor>);
  const data = (tree: unknown) =>
    leaves(tree).map(([path, leaf]) => ({
      path,
      shape: leaf.shape,
      data: leaf.dataSync().slice(),
    }));
  const expectSame = (a: unknown, b: unknown) => {
    const expected = data(b);
    expect(data(a).map(({ path }) => path)).toEqual(expected.map(({ path }) => path));
    data(a).forEach((leaf, i) => {
      expectClose(leaf, expected[i]!);
    });
  };
  /** Runs with a module, its parameters and an input, and disposes all. */
  const using = (f: (module: Module<In, Out, P>, params: P, x: In) => void) => {
    const module = make();
    const params = module.init(key(7));
    const x = input();
    try {
      tf.tidy(() => f(module, params, x));
    } finally {
      disposeTree(params);
      disposeTree(x as Tree<tf.Tensor>);
    }
  };

  describe(`${name} keeps the module contract`, () => {
    it('has the output shape, in training and outside', () => {
      using((module, params, x) => {
        const expected = Array.isArray(outputShape)
          ? { '': outputShape }
          : (outputShape as { [path: string]: readonly number[] });
        for (const context of [undefined, {}, training]) {
          const shapes = new Map(
            leaves(module.apply(params, x, context)).map(([p, t]) => [p, t.shape]),
          );
          for (const [path, shape] of Object.entries(expected)) {
            expect(shapes.get(path), `shape of ${path || 'output'}`).toEqual(shape);
          }
        }
      });
    });

    it('is rebuilt from its config, which is plain JSON', () => {
      using((module, params, x) => {
        const json = JSON.parse(JSON.stringify(module.config)) as Config;
        expect(json).toEqual(module.config);
        expect(typeof json.type).toBe('string');
        const again = fromConfig(json);
        expect(again.config).toEqual(module.config);
        expectSame(again.init(key(7)), params);
        expectSame(again.apply(params, x), module.apply(params, x));
      });
    });

    it('gives the same numbers for the same key', () => {
      using((module, params, x) => {
        expectSame(module.init(key(7)), params);
        expectSame(module.apply(params, x, training), module.apply(params, x, training));
      });
    });

    it('passes a gradient to every trainable parameter', () => {
      using((module, params, x) => {
        const total = (p: P) =>
          leaves(module.apply(p, x, training))
            .filter(([path, leaf]) => leaf.dtype === 'float32' && isWeighed(path, outputShape))
            .map(([path, leaf]) => {
              const weights = normalArray(split(key(3), path), leaf.size);
              return tf.sum(tf.mul(leaf, tf.tensor(weights, leaf.shape)));
            })
            .reduce((a, b) => tf.add(a, b));
        for (const [path, gradient] of gradients(total, params)) {
          if (!isTrainable(path) || unreached?.test(path)) continue;
          expect(gradient, `no gradient reaches ${path}`).toBeDefined();
          const values = gradient!.dataSync();
          expect(values.every(Number.isFinite), `the gradient of ${path} is not finite`).toBe(true);
          expect(
            values.some((g) => g !== 0),
            `the gradient of ${path} is zero`,
          ).toBe(true);
        }
      });
    });

    it('leaks no tensor', () => {
      expectNoLeaks(() => {
        const module = make();
        const params = module.init(key(7));
        const x = input();
        for (const context of [undefined, training]) {
          const y = module.apply(params, x, context);
          // An identity module returns its input.
          const given = new Set([...leaves(params), ...leaves(x)].map(([, leaf]) => leaf));
          tf.dispose(leaves(y).flatMap(([, leaf]) => (given.has(leaf) ? [] : [leaf])));
        }
        disposeTree(params);
        disposeTree(x as Tree<tf.Tensor>);
      });
    });

    it('neither changes nor disposes its parameters and input', () => {
      using((module, params, x) => {
        const before = data({ params, x });
        tf.tidy(() => {
          module.apply(params, x, training);
          gradients((p: P) => tf.sum(leaves(module.apply(p, x, training))[0]![1]), params);
        });
        expect(data({ params, x })).toEqual(before);
      });
    });

    it('computes each example on its own outside of training', () => {
      using((module, params, x) => {
        const [[, first]] = leaves(module.apply(params, x)) as [[string, tf.Tensor]];
        const batch = first.shape[0]!;
        const one = mapTree(x as Tree<tf.Tensor>, (leaf: tf.Tensor) =>
          leaf.shape[0] === batch ? tf.slice(leaf, 0, 1) : leaf,
        ) as In;
        const [[, alone]] = leaves(module.apply(params, one)) as [[string, tf.Tensor]];
        expectClose(alone, tf.slice(first, 0, 1), { rtol: 1e-4, atol: 1e-5 });
      });
    });

    it('reports statistics with their own shapes, and only in training', () => {
      using((module, params, x) => {
        const paths = new Map(leaves(params).map(([path, leaf]) => [leaf, path]));
        const reported: string[] = [];
        const update = (leaf: tf.Tensor, value: tf.Tensor) => {
          expect(paths.has(leaf), 'update() is called with a leaf of the parameters').toBe(true);
          expect(isTrainable(paths.get(leaf)!), `${paths.get(leaf)} is trainable`).toBe(false);
          expect(value.shape).toEqual(leaf.shape);
          reported.push(paths.get(leaf)!);
        };
        module.apply(params, x, { update });
        expect(reported).toEqual([]);
        module.apply(params, x, { ...training, update });
        expect(new Set(reported).size).toBe(reported.length);
      });
    });

    if (orderMatters !== undefined) {
      it(`${orderMatters ? 'depends' : 'does not depend'} on the order of the modalities`, () => {
        using((module, params, x) => {
          const reversed = Object.fromEntries(Object.entries(x).reverse()) as In;
          const compare = () => expectSame(module.apply(params, reversed), module.apply(params, x));
          if (orderMatters) expect(compare).toThrow();
          else compare();
        });
      });
    }
  });
}

/** Masks and the like are outputs that carry no gradient; only the leaves with a given shape are weighed. */
function isWeighed(path: string, shape: OutputShape): boolean {
  return Array.isArray(shape) || Object.hasOwn(shape, path);
}
