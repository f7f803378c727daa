import { ChainruleError, isTensor, mapTree, type Params, type Path } from '@chainrule/tensor';
import type * as tf from '@tensorflow/tfjs-core';
import type { TensorTree } from './transformation.js';

const EMPTY = Object.freeze({});

/**
 * Two trees: one with the leaves that `predicate` selects by path, one with the others.
 *
 * Both keep the structure of the whole: where a leaf went to the other part stands `{}`, a tree
 * without leaves. So paths stay the same, and every function on trees works on the parts.
 * {@link merge} puts them together again. No tensor is copied.
 *
 * @example
 * import { merge, partition, valueAndGrad } from '@chainrule/optim';
 * import { isTrainable, type Params } from '@chainrule/tensor';
 * import * as tf from '@tensorflow/tfjs';
 *
 * const params: Params = { w: tf.scalar(3), statistics: { mean: tf.scalar(1) } };
 * const loss = (p: Params): tf.Scalar => tf.square(p.w as tf.Scalar);
 * const [trainable, rest] = partition(params, isTrainable);
 * const { grads } = valueAndGrad((p: Params) => loss(merge(p, rest)))(trainable);
 * console.log(Object.keys(grads)); // w and, without leaves, statistics
 */
export function partition(
  tree: Params,
  predicate: (path: Path, leaf: tf.Tensor) => boolean,
): readonly [selected: Params, rest: Params];
export function partition(
  tree: TensorTree,
  predicate: (path: Path, leaf: tf.Tensor) => boolean,
): readonly [selected: TensorTree, rest: TensorTree];
export function partition(
  tree: TensorTree,
  predicate: (path: Path, leaf: tf.Tensor) => boolean,
): readonly [selected: TensorTree, rest: TensorTree] {
  const part = (wanted: boolean) =>
    mapTree<tf.Tensor | typeof EMPTY>(tree, (leaf: tf.Tensor, path) =>
      predicate(path, leaf) === wanted ? leaf : EMPTY,
    ) as TensorTree;
  return [part(true), part(false)];
}

/**
 * The whole of two parts made by {@link partition}.
 *
 * @throws ChainruleError `TREE_MISMATCH` where both have a leaf, or their structures differ.
 */
export function merge(a: Params, b: Params): Params;
export function merge(a: TensorTree, b: TensorTree): TensorTree;
export function merge(a: TensorTree, b: TensorTree): TensorTree {
  return mergeAt('', a, b);
}

function mergeAt(path: Path, a: TensorTree, b: TensorTree): TensorTree {
  if (isEmpty(a)) return b;
  if (isEmpty(b)) return a;
  if (isTensor(a) || isTensor(b) || Array.isArray(a) !== Array.isArray(b)) mismatch(path);
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) mismatch(path);
  const children = keys.map((key) => {
    const at = path === '' ? key : `${path}/${key}`;
    if (!Object.hasOwn(b, key)) mismatch(at);
    return mergeAt(at, (a as Params)[key]!, (b as Params)[key]!);
  });
  return Array.isArray(a)
    ? children
    : Object.fromEntries(keys.map((key, i) => [key, children[i]!]));
}

function isEmpty(tree: TensorTree): boolean {
  return !isTensor(tree) && !Array.isArray(tree) && Object.keys(tree).length === 0;
}

function mismatch(path: Path): never {
  throw new ChainruleError(
    'TREE_MISMATCH',
    `merge: the parts do not fit together at "${path || '(root)'}"; they must come from one partition`,
  );
}
