import { flatten, mapTree, runKernel } from '@chainrule/tensor';
import type * as tf from '@tensorflow/tfjs-core';
import type { TensorTree } from './transformation.js';

/**
 * Kernels by which a backend may do an optimiser's update of one leaf in a single pass over the
 * memory. A backend registers them under these names with `tf.registerKernel`; where it does not,
 * the chain of plain operations runs, which is also what they are tested against. The float32
 * scalars `rate`, `epsilon` and `decay` are inputs, not attributes, since they may follow a
 * schedule. All are pure: the outputs are new tensors.
 *
 * `ApplySgd { param, grad, rate } → param`:
 *
 *     param′ = param − rate·grad
 *
 * `ApplyMomentum { param, grad, trace, rate }, { decay, nesterov } → [param, trace]`:
 *
 *     trace′ = grad + decay·trace
 *     param′ = param − rate·(nesterov ? grad + decay·trace′ : trace′)
 *
 * `ApplyAdam { param, grad, m, v, rate, epsilon, decay }, { beta1, beta2 } → [param, m, v]`, where
 * the bias corrections are already in `rate` and `epsilon`:
 *
 *     m′ = beta1·m + (1 − beta1)·grad
 *     v′ = beta2·v + (1 − beta2)·grad²
 *     param′ = param − rate·m′ / (√v′ + epsilon) − decay·param
 */
export const APPLY_SGD = 'ApplySgd';
export const APPLY_MOMENTUM = 'ApplyMomentum';
export const APPLY_ADAM = 'ApplyAdam';

/** The tensors that stand at one path in several trees, and scalars, by the kernel's input names. */
type Inputs = { readonly [name: string]: tf.Tensor };

/**
 * Runs a kernel once a leaf. `trees` gives, by input name, the trees that it walks side by side;
 * `scalars` the further inputs for a path. Returns one tree for each output of the kernel.
 */
export function runByLeaf<P extends TensorTree>(
  kernel: string,
  params: P,
  trees: { readonly [name: string]: TensorTree },
  scalars: (path: string) => Inputs,
  attributes: { readonly [name: string]: number | boolean } = {},
): readonly [P, ...TensorTree[]] {
  const leaves = Object.entries(trees).map(
    ([name, tree]) => [name, new Map(flatten(tree))] as const,
  );
  const outputs = new Map(
    flatten(params).map(([path, param]) => {
      const inputs: Record<string, tf.Tensor> = { param, ...scalars(path) };
      for (const [name, byPath] of leaves) inputs[name] = byPath.get(path)!;
      return [path, runKernel(kernel, inputs, attributes)];
    }),
  );
  const output = (i: number) => mapTree(params, (_: tf.Tensor, path) => outputs.get(path)![i]!);
  const count = outputs.values().next().value?.length ?? 1;
  return [output(0) as P, ...Array.from({ length: count - 1 }, (_, i) => output(i + 1))];
}
