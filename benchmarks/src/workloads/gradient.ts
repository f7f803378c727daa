import { valueAndGrad } from '@chainrule/optim';
import { countParams, key, type Params, type Step, type Tree, zerosLike } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { norm, type Work, type Workload } from '../workload.js';

type State = { readonly params: Params; readonly gradients: Tree<tf.Tensor> };
type Batch = { readonly x: tf.Tensor; readonly target: tf.Tensor };

/**
 * Forward and backward: the gradients with respect to the parameters and to the input, without an
 * update. They are part of the state, so that a compiled step can not leave them out.
 */
export function forwardBackward(
  init: () => Params,
  makeBatch: () => Batch,
  loss: (params: Params, batch: Batch) => tf.Scalar,
): Workload {
  const step: Step<State, Batch, { loss: tf.Scalar }> = ({ params }, { x, target }) => {
    const { value, grads } = valueAndGrad((tree: { params: Params; x: tf.Tensor }) =>
      loss(tree.params, { x: tree.x, target }),
    )({ params, x });
    return { state: { params, gradients: grads }, metrics: { loss: value } };
  };
  return {
    data: () => ({ tensors: { params: init(), batch: makeBatch() } }),
    prepare(executor): Work {
      const params = init();
      const batch = makeBatch();
      const gradients = { params: zerosLike(params), x: tf.zerosLike(batch.x) };
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
