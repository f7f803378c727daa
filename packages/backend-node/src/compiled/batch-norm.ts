import { FUSED_BATCH_NORM, FUSED_BATCH_NORM_GRADIENT } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { AttrType, DataType, type NativeBackend, type OpAttr, typeAttr } from './native.js';
import { register } from './register.js';

/** Batch norm in training and its gradient, each one pass of TensorFlow's (`FusedBatchNormV3`). */
export function registerBatchNorm(): void {
  register(FUSED_BATCH_NORM, ({ inputs, attrs, backend }) => {
    const { x, scale, offset } = inputs;
    // No running statistics go in: those that come out are the batch's alone.
    const none = tf.tensor1d([], 'float32');
    const outputs = (backend as NativeBackend).executeMultipleOutputs(
      'FusedBatchNormV3',
      attributes(attrs.epsilon),
      [x!, scale!, offset!, none, none],
      6,
    );
    none.dispose();
    return outputs;
  });

  register(FUSED_BATCH_NORM_GRADIENT, ({ inputs, attrs, backend }) => {
    const { dy, x, scale, r0, r1, r2 } = inputs;
    const outputs = (backend as NativeBackend).executeMultipleOutputs(
      'FusedBatchNormGradV3',
      attributes(attrs.epsilon),
      [dy!, x!, scale!, r0!, r1!, r2!],
      5,
    );
    tf.dispose(outputs.slice(3));
    return outputs.slice(0, 3);
  });
}

function attributes(epsilon: unknown): OpAttr[] {
  return [
    typeAttr('T', DataType.float32),
    typeAttr('U', DataType.float32),
    { name: 'epsilon', type: AttrType.float, value: epsilon as number },
    { name: 'data_format', type: AttrType.string, value: 'NHWC' },
    { name: 'is_training', type: AttrType.bool, value: true },
  ];
}
