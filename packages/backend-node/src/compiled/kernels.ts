import { STATELESS_UNIFORM } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { AttrType, DataType, type NativeBackend, typeAttr } from './native.js';

const NATIVE = 'tensorflow';

/**
 * Kernels that the native backend has beside tfjs-node's own: random numbers from a key, and a
 * gather that does not read its indices (TensorFlow checks them itself).
 */
export function registerKernels(): void {
  register(STATELESS_UNIFORM, ({ inputs, attrs, backend }) => {
    const shape = tf.tensor1d(attrs.shape as number[], 'int32');
    const result = (backend as NativeBackend).executeSingleOutput(
      'StatelessRandomUniform',
      [
        typeAttr('dtype', DataType.float32),
        typeAttr('T', DataType.int32),
        typeAttr('Tseed', DataType.int32),
      ],
      [shape, inputs.seed as tf.TensorInfo],
    );
    shape.dispose();
    return result;
  });

  register(tf.GatherV2, ({ inputs, attrs, backend }) => {
    const { x, indices } = inputs as { x: tf.TensorInfo; indices: tf.TensorInfo };
    const { axis, batchDims } = attrs as unknown as tf.GatherV2Attrs;
    const axisTensor = tf.scalar(axis, 'int32');
    const { tensorMap } = backend as NativeBackend;
    const result = (backend as NativeBackend).executeSingleOutput(
      'GatherV2',
      [
        { name: 'batch_dims', type: AttrType.int, value: batchDims },
        typeAttr('Tparams', tensorMap.get(x.dataId).dtype),
        typeAttr('Tindices', tensorMap.get(indices.dataId).dtype),
        typeAttr('Taxis', DataType.int32),
      ],
      [x, indices, axisTensor],
    );
    axisTensor.dispose();
    return result;
  });
}

export interface KernelArgs {
  readonly inputs: tf.NamedTensorInfoMap;
  readonly attrs: { readonly [name: string]: unknown };
  readonly backend: unknown;
}

export function register(
  kernelName: string,
  kernelFunc: (args: KernelArgs) => tf.TensorInfo | tf.TensorInfo[],
): void {
  if (tf.getKernel(kernelName, NATIVE)) tf.unregisterKernel(kernelName, NATIVE);
  tf.registerKernel({ kernelName, backendName: NATIVE, kernelFunc: kernelFunc as tf.KernelFunc });
}
