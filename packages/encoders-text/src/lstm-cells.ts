import { hasKernel, runKernel } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { LstmActivation, Saved } from './lstm-sequence.js';
import { recurrentGradients, transposedOnce } from './recurrent-gradient.js';

/**
 * The kernel by which a backend may do all of a step but its product in one pass. Inputs
 * `{ x, r, h, c, mask }`: x and r = h·R are `[batch, 4·width]`, h and c `[batch, width]`, mask
 * `[batch]`; attributes `{ relu }`. Outputs: the next h and c, and a trace for the gradient.
 */
const LSTM_CELL = 'LstmCell';
/**
 * Its gradient. Inputs `{ dy, dr, carry, dc, trace, c, mask }`: dy, dr and carry add up to the
 * gradient with respect to the next h, dc is that of the next c, and c the cell before. Outputs: the
 * gradients of x + r and of c, and what passes by padding to the h before.
 */
const LSTM_CELL_GRADIENT = 'LstmCellGradient';

/** Whether the present backend has both kernels, and they take this width. */
export const hasCells = (width: number): boolean => hasKernel(LSTM_CELL, width);

type Step = tf.Tensor2D;

/** The states, and for each step its trace and the cell before it: two lists in one. */
export function cellsForward(
  projected: tf.Tensor3D,
  mask: tf.Tensor2D | undefined,
  recurrent: tf.Tensor2D,
  activation: LstmActivation,
): { states: tf.Tensor2D[]; trace: tf.Tensor[] } {
  const [time, batch, gates] = projected.shape;
  const masks = stepMasks(mask, time, batch);
  let h: Step = tf.zeros([batch, gates / 4]);
  let c: Step = tf.zeros([batch, gates / 4]);
  const states: Step[] = [];
  const trace: tf.Tensor[] = [];
  tf.unstack(projected).forEach((x, t) => {
    const r = t === 0 ? tf.zeros([batch, gates]) : tf.matMul(h, recurrent);
    const inputs = { x, r, h, c, mask: masks[t]! };
    const [nextH, nextC, kept] = run(LSTM_CELL, inputs, activation);
    trace.push(kept!, c);
    [h, c] = [nextH as Step, nextC as Step];
    states.push(h);
  });
  return { states, trace };
}

/** The gradients with respect to `projected` and `recurrent`. */
export function cellsBackward(
  dStates: tf.Tensor3D,
  { states, mask, recurrent, trace }: Saved,
  activation: LstmActivation,
): [tf.Tensor, tf.Tensor] {
  const [time, batch, width] = states.shape;
  const masks = stepMasks(mask, time, batch);
  const incoming = tf.unstack(dStates);
  const transposed = transposedOnce(recurrent);
  const zero = tf.zeros([batch, width]);
  let [dr, carry, dc]: tf.Tensor[] = [zero, zero, zero];
  const dGates = new Array<tf.Tensor>(time);
  for (let t = time - 1; t >= 0; t--) {
    const [kept, c] = [trace[2 * t]!, trace[2 * t + 1]!];
    const inputs = { dy: incoming[t]!, dr: dr!, carry: carry!, dc: dc!, trace: kept, c };
    const found = run(LSTM_CELL_GRADIENT, { ...inputs, mask: masks[t]! }, activation);
    [dGates[t], dc, carry] = found as [tf.Tensor, tf.Tensor, tf.Tensor];
    if (t > 0) dr = tf.matMul(dGates[t] as Step, transposed);
  }
  return recurrentGradients(states, dGates, recurrent);
}

function run(kernel: string, inputs: tf.NamedTensorMap, activation: LstmActivation): tf.Tensor[] {
  return runKernel(kernel, inputs, { relu: activation === 'relu' });
}

function stepMasks(mask: tf.Tensor2D | undefined, time: number, batch: number): tf.Tensor[] {
  if (mask) return tf.unstack(tf.cast(mask, 'float32'));
  const ones = tf.ones([batch]);
  return Array.from({ length: time }, () => ones);
}
