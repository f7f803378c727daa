import { ChainruleError, flatten, isTensor, mapTree, unflatten } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { tidy } from './tidy.js';
import type { TensorTree } from './transformation.js';

/** A loss, and anything else that the caller wants of the forward pass (predictions, say). */
export interface ValueAndAux<A extends TensorTree> {
  readonly value: tf.Scalar;
  readonly aux: A;
}

export interface ValueAndGradOptions {
  /**
   * What to do about a leaf that the value does not depend on: give it a gradient of `zeros`
   * (default), or throw an `error` that names it.
   */
  readonly unused?: 'zeros' | 'error';
}

/**
 * The function that gives f's value at a tree and its gradient with respect to each leaf, by
 * reverse-mode automatic differentiation. The gradients have the structure of the tree.
 *
 * `f` returns a scalar, or `{ value, aux }` where `aux` is a tree of tensors that passes through.
 * The caller owns the tensors of the result.
 *
 * @throws ChainruleError `SHAPE` if the value is not a scalar; `NO_GRADIENT` where a leaf is
 * unused and `unused` is `error`.
 *
 * @example
 * import { valueAndGrad } from '@chainrule/optim';
 * import * as tf from '@tensorflow/tfjs';
 *
 * const f = (z: tf.Tensor1D): tf.Scalar => tf.sum(tf.square(z));
 * const { value, grads } = valueAndGrad(f)(tf.tensor1d([1, 2]));
 * grads.print(); // 2z = [2, 4]
 */
export function valueAndGrad<P extends TensorTree, A extends TensorTree>(
  f: (tree: P) => ValueAndAux<A>,
  options?: ValueAndGradOptions,
): (tree: P) => { readonly value: tf.Scalar; readonly aux: A; readonly grads: P };
export function valueAndGrad<P extends TensorTree>(
  f: (tree: P) => tf.Scalar,
  options?: ValueAndGradOptions,
): (tree: P) => { readonly value: tf.Scalar; readonly grads: P };
export function valueAndGrad<P extends TensorTree>(
  f: (tree: P) => tf.Scalar | ValueAndAux<TensorTree>,
  { unused = 'zeros' }: ValueAndGradOptions = {},
): (tree: P) => { value: tf.Scalar; aux?: TensorTree; grads: P } {
  return (tree) =>
    tidy(() => {
      const leaves = flatten(tree);
      let kept: TensorTree | undefined;
      const forward = () => {
        const result = f(tree);
        if (isTensor(result)) return checkScalar(result);
        // The engine drops all that the forward pass makes but its value, so aux is kept by hand.
        // A clone, since aux may hold tensors that are not ours to dispose of.
        kept = mapTree(result.aux, (leaf: tf.Tensor) => tf.keep(tf.clone(leaf)));
        return checkScalar(result.value);
      };
      const inputs = leaves.map(([, leaf]) => leaf);
      if (inputs.length === 0) {
        throw new ChainruleError('NO_GRADIENT', 'valueAndGrad: the tree has no leaves');
      }
      const { value, grads } = tf.engine().gradients(forward, inputs, undefined, true);
      const byPath = new Map(
        leaves.map(([path, leaf], i) => [path, grads[i] ?? noGradient(unused, path, leaf)]),
      );
      const result = { value, grads: unflatten(tree, byPath) as P };
      if (kept === undefined) return result;
      const aux = mapTree(kept, (leaf: tf.Tensor) => tf.clone(leaf));
      tf.dispose(flatten(kept).map(([, leaf]) => leaf));
      return { ...result, aux };
    });
}

function checkScalar(value: tf.Tensor): tf.Scalar {
  if (value.rank === 0) return value as tf.Scalar;
  throw new ChainruleError(
    'SHAPE',
    `valueAndGrad: the value must be a scalar, got [${value.shape.join(', ')}]; ` +
      'reduce it with tf.mean or tf.sum',
  );
}

function noGradient(unused: 'zeros' | 'error', path: string, leaf: tf.Tensor): tf.Tensor {
  if (unused === 'zeros') return tf.zerosLike(leaf);
  throw new ChainruleError(
    'NO_GRADIENT',
    `valueAndGrad: the value does not depend on "${path || '(root)'}"; ` +
      'take it out of the tree, or use { unused: "zeros" }',
  );
}
