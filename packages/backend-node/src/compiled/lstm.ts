import type * as tf from '@tensorflow/tfjs-core';
import { hasOperations } from '../operations.js';
import { AttrType, type NativeBackend } from './native.js';
import { register } from './register.js';

/** The two kernels of an LSTM's cell in `@chainrule/encoders-text`, by native/lstm.cc. */
const KERNELS = {
  LstmCell: ['ChainruleLstmCell', ['x', 'r', 'h', 'c', 'mask']],
  LstmCellGradient: [
    'ChainruleLstmCellGradient',
    ['dy', 'dr', 'carry', 'dc', 'trace', 'c', 'mask'],
  ],
} as const;

/** A step of an LSTM and its gradient, where our own operations could be compiled. */
export function registerLstm(): void {
  if (!hasOperations()) return;
  for (const [kernel, [operation, names]] of Object.entries(KERNELS)) {
    register(kernel, ({ inputs, attrs, backend }) => {
      const given = inputs as { [name: string]: tf.TensorInfo };
      return (backend as NativeBackend).executeMultipleOutputs(
        operation,
        [{ name: 'relu', type: AttrType.bool, value: attrs.relu === true }],
        names.map((name) => given[name]!),
        3,
      );
    });
  }
}
