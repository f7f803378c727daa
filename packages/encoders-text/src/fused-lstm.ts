import { fusedKernel, runKernel } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { LstmActivation } from './lstm-sequence.js';
import { recurrentGradient } from './recurrent-gradient.js';

/**
 * The kernel by which a backend may do all steps of an LSTM at once. Inputs `{ x, recurrent, mask }`:
 * x is `[time, batch, 4·width]`, recurrent `[width, 4·width]`, mask `[time, batch]` or without elements;
 * attributes `{ relu }`. Outputs: the states, `[time, batch, width]`, and a trace for the gradient.
 */
export const LSTM = 'Lstm';
/** Its gradient with respect to x. Inputs `{ dy, recurrent, mask, trace }`, and the same attributes. */
const LSTM_GRADIENT = 'LstmGradient';

/** `lstmSequence` by these kernels. */
export function fusedLstm(
  x: tf.Tensor3D,
  mask: tf.Tensor2D | undefined,
  recurrent: tf.Tensor2D,
  activation: LstmActivation,
): tf.Tensor3D {
  const attributes = { relu: activation === 'relu' };
  return fusedKernel<tf.Tensor3D>({
    kernel: LSTM,
    inputs: { x, recurrent },
    constants: { mask: mask ? tf.cast(mask, 'float32') : tf.zeros([0, 0]) },
    attributes,
    gradient: (dy, { recurrent, mask }, [states, trace]) => {
      const given = { dy, recurrent: recurrent!, mask: mask!, trace: trace! };
      const dx = runKernel(LSTM_GRADIENT, given, attributes)[0]!;
      return [dx, recurrentGradient(states as tf.Tensor3D, dx)];
    },
  });
}
