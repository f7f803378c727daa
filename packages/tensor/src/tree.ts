import * as tf from '@tensorflow/tfjs-core';
import { ChainruleError } from './errors.js';

/** A leaf, or lists and plain objects of trees: the shape of every set of parameters. */
export type Tree<T> = T | readonly Tree<T>[] | { readonly [key: string]: Tree<T> };

/** Where a leaf stands in its tree, for example `encoders/image/blocks/0/kernel`. */
export type Path = string;

/**
 * True for a tensor of any copy of tfjs in this process (so not by class, since two copies of
 * tfjs-core may share one engine).
 */
export function isTensor(value: unknown): value is tf.Tensor {
  return (
    typeof value === 'object' &&
    value !== null &&
    'dataId' in value &&
    'shape' in value &&
    'dtype' in value
  );
}

type Walk = (path: Path, leaves: readonly unknown[]) => unknown;

// One recursion serves every function below: it walks `trees[0]` and the others beside it.
function walk(
  trees: readonly unknown[],
  isLeaf: (value: unknown) => boolean,
  visit: Walk,
  path = '',
): unknown {
  const [first] = trees;
  const keys = isLeaf(first) ? undefined : childKeys(first);
  for (const other of trees.slice(1)) {
    const otherKeys = isLeaf(other) ? undefined : childKeys(other);
    if (
      otherKeys?.length !== keys?.length ||
      keys?.some((key) => !Object.hasOwn(other as object, key))
    ) {
      throw new ChainruleError(
        'TREE_MISMATCH',
        `tree: "${path || '(root)'}" ${describeNode(keys)} in one tree and ${describeNode(otherKeys)} in the other`,
      );
    }
  }
  if (keys === undefined) return visit(path, trees);
  const at = (key: string | number) => (path === '' ? String(key) : `${path}/${key}`);
  const child = (key: string) =>
    walk(
      trees.map((tree) => (tree as Record<string, unknown>)[key]),
      isLeaf,
      visit,
      at(key),
    );
  if (Array.isArray(first)) return keys.map(child);
  return Object.fromEntries(keys.map((key) => [key, child(key)]));
}

function describeNode(keys: readonly string[] | undefined): string {
  return keys === undefined ? 'is a leaf' : `has the keys [${keys.join(', ')}]`;
}

function childKeys(value: unknown): string[] | undefined {
  if (Array.isArray(value)) return Object.keys(value);
  if (typeof value !== 'object' || value === null) return undefined;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? Object.keys(value) : undefined;
}

/** A new tree with `f(leaf, path)` in place of each tensor. */
export function mapTree<U, T = tf.Tensor>(tree: Tree<T>, f: (leaf: T, path: Path) => U): Tree<U> {
  return walk([tree], isTensor, (path, [leaf]) => f(leaf as T, path)) as Tree<U>;
}

/**
 * A new tree with `f(a, b, path)` for the leaves of two trees of the same structure.
 *
 * @throws ChainruleError `TREE_MISMATCH` that names the first place where the structures differ.
 */
export function zipTree<U, A = tf.Tensor, B = tf.Tensor>(
  a: Tree<A>,
  b: Tree<B>,
  f: (a: A, b: B, path: Path) => U,
): Tree<U> {
  return walk([a, b], isTensor, (path, [x, y]) => f(x as A, y as B, path)) as Tree<U>;
}

/** Every leaf with its path, in a fixed order: the order of the keys as they were written. */
export function flatten<T = tf.Tensor>(tree: Tree<T>): [path: Path, leaf: T][] {
  const entries: [Path, T][] = [];
  walk([tree], isTensor, (path, [leaf]) => entries.push([path, leaf as T]));
  return entries;
}

/**
 * The tree with the structure of `like` whose leaves are looked up by path.
 *
 * @throws ChainruleError `TREE_MISMATCH` where a path has no leaf, or a leaf is left over.
 */
export function unflatten<T, L = tf.Tensor>(like: Tree<L>, leaves: ReadonlyMap<Path, T>): Tree<T> {
  const used = new Set<Path>();
  const tree = walk([like], isTensor, (path) => {
    if (!leaves.has(path)) {
      throw new ChainruleError('TREE_MISMATCH', `tree: there is no leaf for "${path}"`);
    }
    used.add(path);
    return leaves.get(path);
  }) as Tree<T>;
  const extra = [...leaves.keys()].find((path) => !used.has(path));
  if (extra !== undefined) {
    throw new ChainruleError('TREE_MISMATCH', `tree: the leaf "${extra}" has no place in the tree`);
  }
  return tree;
}

/** Disposes every tensor of the tree. A tensor that stands in it twice is disposed once. */
export function disposeTree(tree: Tree<tf.Tensor>): void {
  const distinct = new Set(flatten(tree).map(([, leaf]) => leaf));
  tf.dispose([...distinct]);
}

/** The number of scalars in the tree. */
export function countParams(tree: Tree<tf.Tensor>): number {
  return flatten(tree).reduce((sum, [, leaf]) => sum + leaf.size, 0);
}

/** The tree with a zero tensor in place of each leaf. */
export function zerosLike<P extends Tree<tf.Tensor>>(tree: P): P {
  return mapTree(tree, (leaf: tf.Tensor) => tf.zerosLike(leaf)) as P;
}

/** A copy of the tree that the caller owns: the data are shared, the tensors are new. */
export function cloneTree<P extends Tree<tf.Tensor>>(tree: P): P {
  return mapTree(tree, (leaf: tf.Tensor) => tf.clone(leaf)) as P;
}
