import { type Activation, activations, hasKernel } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { fusedLstm, LSTM } from './fused-lstm.js';
import { recurrentGradient, transposedOnce } from './recurrent-gradient.js';

/** What the LSTM's candidate and output go through. */
export type LstmActivation = Extract<Activation, 'tanh' | 'relu'>;

/** φ′(x) as a function of φ(x), which is all that the backward pass keeps. */
const derivatives: { readonly [name in LstmActivation]: (y: tf.Tensor) => tf.Tensor } = {
  relu: (y) => tf.cast(tf.greater(y, 0), 'float32'),
  tanh: (y) => tf.sub(1, tf.square(y)),
};

/**
 * The recurrent part of an LSTM, time first. `projected` is x·W + b for all steps at once,
 * `[time, batch, 4·width]`, its gates in the order input, forget, candidate, output (that of Keras
 * and PyTorch); `mask` is `[time, batch]`, 1 = real, 0 = padding, or undefined where there is none;
 * `recurrent` is `[width, 4·width]`. Returns the state h after each step, `[time, batch, width]`:
 *
 *     [i, f, g, o] = split(projected_t + h_{t−1}·R);  i, f, o through sigmoid, g through φ
 *     c = f ⊙ c_{t−1} + i ⊙ g
 *     h = o ⊙ φ(c)
 *
 * At padding h and c stay what they were, so the last state is that of each text's last word.
 *
 * Its gradient is written out, because automatic differentiation would take one product per step
 * for R's gradient and several times the operations. It is a first-order gradient.
 *
 * Source: Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al. (2000), as in
 * Keras' `LSTM(width, activation=φ)`.
 */
export function lstmSequence(
  projected: tf.Tensor3D,
  mask: tf.Tensor2D | undefined,
  recurrent: tf.Tensor2D,
  activation: LstmActivation,
): tf.Tensor3D {
  if (hasKernel(LSTM, recurrent.shape[0])) {
    return fusedLstm(projected, mask, recurrent, activation);
  }
  const compute = tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const [x, r, save] = args as [tf.Tensor3D, tf.Tensor2D, tf.GradSaveFunc];
    const { states, trace } = forward(x, mask, r, activation);
    const value = tf.stack(states);
    save([value, r, ...(mask ? [mask] : []), ...trace]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, kept: tf.Tensor[]) =>
        backward(dy as tf.Tensor3D, saved(kept, mask), activation),
    };
  });
  return compute(projected, recurrent) as tf.Tensor3D;
}

/** What the forward pass keeps for the gradient. */
interface Saved {
  readonly states: tf.Tensor3D;
  readonly mask: tf.Tensor2D | undefined;
  readonly recurrent: tf.Tensor2D;
  readonly trace: readonly tf.Tensor[];
}

function saved(tensors: readonly tf.Tensor[], mask: tf.Tensor2D | undefined): Saved {
  const [states, recurrent, ...rest] = tensors as [tf.Tensor3D, tf.Tensor2D, ...tf.Tensor[]];
  return mask
    ? { states, recurrent, mask: rest[0] as tf.Tensor2D, trace: rest.slice(1) }
    : { states, recurrent, mask: undefined, trace: rest };
}

/** The states, and for each step `i, f, g, o, φ(c), c_{t−1}`: six lists in one, step by step. */
function forward(
  projected: tf.Tensor3D,
  mask: tf.Tensor2D | undefined,
  recurrent: tf.Tensor2D,
  activation: LstmActivation,
): { states: tf.Tensor2D[]; trace: tf.Tensor[] } {
  const phi = activations[activation];
  const [, batch, gates] = projected.shape;
  // Of full width, since a choice is one operation, and plain where nothing need be broadcast.
  const real = mask && tf.unstack(wide(tf.notEqual(mask, 0), gates / 4));
  const zero: tf.Tensor2D = tf.zeros([batch, gates / 4]);
  const states: tf.Tensor2D[] = [];
  const trace: tf.Tensor[] = [];
  let [h, c] = [zero, zero];
  tf.unstack(projected).forEach((input, t) => {
    const z = t === 0 ? input : tf.add(input, tf.matMul(h, recurrent));
    const parts = tf.split(z, 4, 1) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
    const [i, f, g, o] = [
      tf.sigmoid(parts[0]),
      tf.sigmoid(parts[1]),
      phi(parts[2]),
      tf.sigmoid(parts[3]),
    ];
    const cell: tf.Tensor2D = tf.add(tf.mul(f, c), tf.mul(i, g));
    const out = phi(cell);
    trace.push(i, f, g, o, out, c);
    const state: tf.Tensor2D = tf.mul(o, out);
    c = real ? tf.where(real[t]!, cell, c) : cell;
    h = real ? tf.where(real[t]!, state, h) : state;
    states.push(h);
  });
  return { states, trace };
}

/**
 * With u = dc + dh ⊙ o ⊙ φ′(c), the gradient of a step's gates is (u, u, u, dh) ⊙ K, where K does
 * not depend on the gradient: it is made for all steps at once, and the mask goes into it. What is
 * left for each step is one product and ten element-wise operations.
 */
function backward(
  dStates: tf.Tensor3D,
  { states, mask, recurrent, trace }: Saved,
  activation: LstmActivation,
): [tf.Tensor, tf.Tensor] {
  const derivative = derivatives[activation];
  const [time, batch, width] = states.shape;
  const every = (offset: number) =>
    tf.stack(Array.from({ length: time }, (_, t) => trace[6 * t + offset]!));
  const [i, f, g, o, out, previous] = [0, 1, 2, 3, 4, 5].map(every) as [
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
  ];
  const slope = (gate: tf.Tensor) => tf.mul(gate, tf.sub(1, gate));
  const keep = mask && tf.expandDims(mask, 2);
  const hold = keep && tf.unstack(tf.sub(1, keep));
  const atReal = (x: tf.Tensor) => (keep ? tf.mul(x, keep) : x);
  const factors = tf.concat(
    [
      tf.mul(g, slope(i)),
      tf.mul(previous, slope(f)),
      tf.mul(i, derivative(g)),
      tf.mul(out, slope(o)),
    ],
    2,
  );
  const gateFactor = tf.unstack(atReal(factors));
  const cellFactor = tf.unstack(tf.mul(o, derivative(out)));
  const forget = tf.unstack(atReal(f));
  const incoming = tf.unstack(dStates);
  const transposed = transposedOnce(recurrent);

  let dh: tf.Tensor = tf.zeros([batch, width]);
  let dc: tf.Tensor = dh;
  const dGates = new Array<tf.Tensor>(time);
  for (let t = time - 1; t >= 0; t--) {
    dh = tf.add(dh, incoming[t]!);
    const u = tf.add(dc, tf.mul(dh, cellFactor[t]!));
    const dz = tf.mul(tf.concat([u, u, u, dh], 1), gateFactor[t]!);
    dGates[t] = dz;
    if (t === 0) break;
    const dBefore = tf.matMul(dz as tf.Tensor2D, transposed);
    dc = hold ? tf.add(tf.mul(u, forget[t]!), tf.mul(dc, hold[t]!)) : tf.mul(u, forget[t]!);
    dh = hold ? tf.add(tf.mul(dh, hold[t]!), dBefore) : dBefore;
  }
  const all = tf.stack(dGates);
  return [all, recurrentGradient(states, all)];
}

/** `[time, batch]` → `[time, batch, width]`, each value repeated. */
function wide(x: tf.Tensor, width: number): tf.Tensor {
  return tf.tile(tf.expandDims(x, 2), [1, 1, width]);
}
