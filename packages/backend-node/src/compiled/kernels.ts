import { STATELESS_UNIFORM } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { registerBatchNorm } from './batch-norm.js';
import { registerCrossEntropy } from './cross-entropy.js';
import { AttrType, DataType, type NativeBackend, typeAttr } from './native.js';
import { registerOptimizers } from './optimizers.js';
import { registerOwn } from './own.js';
import { register } from './register.js';

/**
 * Kernels that the native backend has beside tfjs-node's own: random numbers from a key, a
 * gather that does not read its indices (TensorFlow checks them itself), batch norm, softmax
 * cross-entropy, optimisers, and those that are operations of our own.
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

  registerBatchNorm();
  registerCrossEntropy();
  registerOptimizers();
  registerOwn();
}
