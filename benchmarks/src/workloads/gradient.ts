import { valueAndGrad } from '@chainrule/optim';
import { countParams, key, type Params, type Step, type Tree, zerosLike } from '@chainrule/tensor';
import type * as tf from '@tensorflow/tfjs-core';
import { norm, type Work, type Workload } from '../workload.js';

type State = { readonly params: Params; readonly gradients: Tree<tf.Tensor> };
type Batch<X extends Tree<tf.Tensor>> = { readonly x: X; readonly target: tf.Tensor };

/**
 * Forward and backward: the gradients with respect to the parameters and to the input, without an
 * update. They are part of the state, so that a compiled step can not leave them out.
 */
export function forwardBackward<X extends Tree<tf.Tensor>>(
  init: () => Params,
  makeBatch: () => Batch<X>,
  loss: (params: Params, batch: Batch<X>) => tf.Scalar,
): Workload {
  const step: Step<State, Batch<X>, { loss: tf.Scalar }> = ({ params }, { x, target }) => {
    const { value, grads } = valueAndGrad((tree: { params: Params; x: X }) =>
      loss(tree.params, { x: tree.x, target }),
    )({ params, x });
    return { state: { params, gradients: grads }, metrics: { loss: value } };
  };
  return {
    data: () => ({ tensors: { params: init(), batch: makeBatch() } }),
    prepare(executor): Work {
      const params = init();
      const batch = makeBatch();
      const gradients = { params: zerosLike(params), x: zerosLike(batch.x) };
      const parameters = countParams(params);
      const execution = executor.prepare(step, { params, gradients });
      return {
        parameters,
        step: async () => (await execution.run(batch, key(0))).loss,
        checks: async (value) => ({
          loss: value,
          'norm of the gradient': await norm((await execution.read()).gradients),
        }),
      };
    },
  };
}
