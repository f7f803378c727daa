import type * as tf from '@tensorflow/tfjs-core';
import { DataType, type NativeBackend, typeAttr } from './native.js';
import { register } from './register.js';

/** `SOFTMAX_CROSS_ENTROPY` of `@chainrule/losses`: each row's loss and its gradient at once. */
export function registerCrossEntropy(): void {
  register('SoftmaxCrossEntropyAndSlope', ({ inputs, backend }) => {
    const { logits, target } = inputs as { [name: string]: tf.TensorInfo };
    return (backend as NativeBackend).executeMultipleOutputs(
      'SoftmaxCrossEntropyWithLogits',
      [typeAttr('T', DataType.float32)],
      [logits!, target!],
      2,
    );
  });
}
