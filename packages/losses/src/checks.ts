import { ChainruleError, checkSameShape } from '@chainrule/tensor';
import type { Tensor } from '@tensorflow/tfjs-core';

/** @throws ChainruleError `DTYPE` unless the tensor is float32. */
export function checkFloat(where: string, what: string, tensor: Tensor): void {
  if (tensor.dtype !== 'float32') {
    throw new ChainruleError(
      'DTYPE',
      `${where}: ${what} must be float32, got ${tensor.dtype}; use tf.cast(${what}, 'float32')`,
    );
  }
}

/** Prediction and target of one shape, `[batch, …]`; the prediction, which has a gradient, is float32. */
export function checkPair(where: string, prediction: Tensor, target: Tensor): void {
  if (prediction.shape.length === 0) {
    throw new ChainruleError(
      'SHAPE',
      `${where}: prediction must be [batch, ...], got a scalar; use tf.reshape(prediction, [1])`,
    );
  }
  checkSameShape(where, ['prediction', 'target'], prediction, target);
  checkFloat(where, 'prediction', prediction);
}
