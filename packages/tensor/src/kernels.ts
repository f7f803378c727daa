import * as tf from '@tensorflow/tfjs-core';

/** Widths in multiples of this fill the registers of a processor. */
const LANES = 16;

/**
 * Whether the present backend has a fused kernel of that name, and it takes rows of this width:
 * those that are compiled for registers take multiples of 16.
 */
export const hasKernel = (kernel: string, width = LANES): boolean =>
  width % LANES === 0 && tf.getKernel(kernel, tf.getBackend()) !== undefined;

/** Runs a kernel of the present backend. */
export const runKernel = (
  kernel: string,
  inputs: tf.NamedTensorMap,
  attributes: tf.NamedAttrMap = {},
): tf.Tensor[] => [tf.engine().runKernel(kernel, inputs, attributes)].flat() as tf.Tensor[];

/** A kernel of the present backend, and how its first output is differentiated. */
export interface FusedKernel {
  readonly kernel: string;
  /** What has a gradient. */
  readonly inputs: tf.NamedTensorMap;
  /** What the kernel also takes, and has none. */
  readonly constants?: tf.NamedTensorMap;
  readonly attributes?: tf.NamedAttrMap;
  /** The gradients of `inputs`, in their order, from that of the output, all that was given, and all outputs. */
  readonly gradient: (
    dy: tf.Tensor,
    given: tf.NamedTensorMap,
    outputs: readonly tf.Tensor[],
  ) => tf.Tensor[];
}

/** Runs it: the first output, with its gradient on the tape. */
export function fusedKernel<T extends tf.Tensor>(fused: FusedKernel): T {
  const { kernel, inputs, constants = {}, attributes, gradient } = fused;
  const names = [...Object.keys(inputs), ...Object.keys(constants)];
  const named = (tensors: readonly tf.Tensor[]): tf.NamedTensorMap =>
    Object.fromEntries(names.map((name, i) => [name, tensors[i]!]));
  const operation = tf.customGrad((...args) => {
    const save = args.at(-1) as unknown as tf.GradSaveFunc;
    const given = [...(args.slice(0, -1) as tf.Tensor[]), ...Object.values(constants)];
    const outputs = runKernel(kernel, named(given), attributes);
    save([...given, ...outputs]);
    return {
      value: outputs[0]!,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        gradient(dy, named(saved), saved.slice(names.length)),
    };
  });
  return operation(...Object.values(inputs)) as T;
}
