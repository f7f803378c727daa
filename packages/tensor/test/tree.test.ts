import '@tensorflow/tfjs';
import { expectClose, expectNoLeaks } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  cloneTree,
  countParams,
  disposeTree,
  flatten,
  isTensor,
  isTrainable,
  mapTree,
  type Params,
  type Tree,
  unflatten,
  zerosLike,
  zipTree,
} from '../src/index.js';

const params = () => ({
  encoders: { image: { blocks: [{ kernel: tf.ones([2, 3]), bias: tf.zeros([3]) }] } },
  scale: tf.scalar(2),
});

describe('trees', () => {
  it('map with the path of each leaf', () => {
    const paths = mapTree(params(), (leaf: tf.Tensor, path) => `${path}:${leaf.size}`);
    expect(paths).toEqual({
      encoders: {
        image: {
          blocks: [
            { kernel: 'encoders/image/blocks/0/kernel:6', bias: 'encoders/image/blocks/0/bias:3' },
          ],
        },
      },
      scale: 'scale:1',
    });
    expect(mapTree(tf.scalar(1) as Tree<tf.Tensor>, (_leaf: tf.Tensor, path) => path)).toBe('');
    expect(mapTree({} as Tree<number>, String)).toEqual({});
    expect(mapTree<number, number>([1, [2, { a: 3 }]], (x) => 2 * x)).toEqual([2, [4, { a: 6 }]]);
    expectTypeOf(mapTree(params(), (leaf: tf.Tensor) => leaf.size)).toEqualTypeOf<Tree<number>>();
  });

  it('zip', () => {
    const tree = params();
    const sums = zipTree(tree, tree, (a: tf.Tensor, b: tf.Tensor) => tf.add(a, b));
    expectClose(flatten(sums)[0]![1], tf.fill([2, 3], 2));
    expectTypeOf(sums).toEqualTypeOf<Tree<tf.Tensor>>();
    // In any order of keys.
    const swapped = { scale: tree.scale, encoders: tree.encoders };
    const pairs = zipTree(tree, swapped, (a: tf.Tensor, b: tf.Tensor, path) =>
      [path, a === b].join(),
    );
    expect(flatten<string>(pairs).every(([path, pair]) => pair === `${path},true`)).toBe(true);
  });

  const leaf = 1;
  const mismatches: [a: Tree<number>, b: Tree<number>, message: string][] = [
    [
      { a: leaf },
      { b: leaf },
      'tree: "(root)" has the keys [a] in one tree and has the keys [b] in the other',
    ],
    [
      { a: leaf },
      { a: leaf, b: leaf },
      '"(root)" has the keys [a] in one tree and has the keys [a, b] in the other',
    ],
    [
      { x: { a: leaf } },
      { x: leaf },
      '"x" has the keys [a] in one tree and is a leaf in the other',
    ],
    [
      { x: leaf },
      { x: { a: leaf } },
      '"x" is a leaf in one tree and has the keys [a] in the other',
    ],
    [
      { x: [leaf] },
      { x: [leaf, leaf] },
      '"x" has the keys [0] in one tree and has the keys [0, 1] in the other',
    ],
  ];
  it.each(mismatches)('%j and %j do not fit', (a, b, message) => {
    expect(() => zipTree(a, b, () => 0)).toThrow(message);
    expect(() => zipTree(a, b, () => 0)).toThrow(
      expect.objectContaining({ code: 'TREE_MISMATCH' }),
    );
  });

  it('flatten and unflatten', () => {
    const tree = params();
    const leaves = flatten(tree);
    expect(leaves.map(([path]) => path)).toEqual([
      'encoders/image/blocks/0/kernel',
      'encoders/image/blocks/0/bias',
      'scale',
    ]);
    expect(unflatten(tree, new Map(leaves.reverse()))).toEqual(tree);
    expect(() => unflatten(tree, new Map(leaves.slice(1)))).toThrow(
      'tree: there is no leaf for "scale"',
    );
    expect(() => unflatten(tree, new Map([...leaves, ['extra', leaves[0]![1]]]))).toThrow(
      'tree: the leaf "extra" has no place in the tree',
    );
  });

  it('any tree of numbers survives flatten and unflatten', () => {
    const key = fc.string({ unit: 'grapheme', minLength: 1 }).filter((name) => !name.includes('/'));
    const { tree } = fc.letrec<{ tree: Tree<number> }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.integer(),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(fc.oneof(key, fc.constant('__proto__')), tie('tree'), { maxKeys: 3 }),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        const back = unflatten<number, number>(value, new Map(flatten<number>(value)));
        expect(JSON.stringify(back)).toBe(JSON.stringify(value));
      }),
    );
  });

  it('count, clone, zero and dispose', () => {
    expectNoLeaks(() => {
      const tree = params();
      expect(countParams(tree)).toBe(10);
      const copies = cloneTree(tree);
      const nothing = zerosLike(tree);
      expectTypeOf(nothing).toEqualTypeOf(tree);
      expectClose(nothing.scale, 0);
      disposeTree(tree);
      expectClose(copies.scale, 2);
      disposeTree([copies, nothing, copies]);
    });
  });

  it('knows a tensor by its parts', () => {
    expect(isTensor(tf.scalar(1))).toBe(true);
    for (const other of [null, undefined, 5, 'x', {}, [], { shape: [], dtype: 'float32' }]) {
      expect(isTensor(other)).toBe(false);
    }
  });

  it('knows statistics, which are not trained', () => {
    expect(isTrainable('norm/scale')).toBe(true);
    expect(isTrainable('norm/statistics/mean')).toBe(false);
    expect(isTrainable('statistics')).toBe(false);
    expect(isTrainable('my-statistics/mean')).toBe(true);
  });

  it('takes parameters as typed by their module', () => {
    expectTypeOf<{
      kernel: tf.Tensor2D;
      layers: readonly { bias: tf.Tensor1D }[];
    }>().toExtend<Params>();
    expectTypeOf<{ width: number }>().not.toExtend<Params>();
  });
});
