import * as tf from '@tensorflow/tfjs-core';
import { recurrentGradient, transposedOnce } from './recurrent-gradient.js';

/**
 * The recurrent part of a GRU, time first. `projected` is x·W + b for all steps at once,
 * `[time, batch, 3·width]`, its gates in the order reset, update, candidate (that of PyTorch);
 * `mask` is `[time, batch]`, 1 = real, 0 = padding; `recurrent` is `[width, 3·width]` and
 * `candidateBias` `[width]`. Returns the state h after each step, `[time, batch, width]`:
 *
 *     [xr, xz, xn] = split(projected_t);  [hr, hz, hn] = split(h_{t−1}·R)
 *     r = σ(xr + hr);  z = σ(xz + hz);  m = hn + candidateBias
 *     n = tanh(xn + r ⊙ m)
 *     h = n + z ⊙ (h_{t−1} − n)
 *
 * At padding h stays what it was, so the last state is that of each text's last word.
 *
 * The reset gate acts after the product with R, as in PyTorch, cuDNN and Keras'
 * `reset_after=True`; in Cho et al. (2014) it acts before, on h_{t−1}, which takes a second product
 * in every step.
 *
 * Its gradient is written out: see `lstmSequence`. It is a first-order gradient.
 */
export function gruSequence(
  projected: tf.Tensor3D,
  mask: tf.Tensor2D,
  recurrent: tf.Tensor2D,
  candidateBias: tf.Tensor1D,
): tf.Tensor3D {
  const compute = tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const [x, r, b, save] = args as [tf.Tensor3D, tf.Tensor2D, tf.Tensor1D, tf.GradSaveFunc];
    const { states, trace } = forward(x, mask, r, b);
    const value = tf.stack(states);
    save([value, mask, r, ...trace]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => backward(dy as tf.Tensor3D, saved),
    };
  });
  return compute(projected, recurrent, candidateBias) as tf.Tensor3D;
}

type Four = [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];

/** The states, and for each step `r, z, m, n`: four lists in one, step by step. */
function forward(
  projected: tf.Tensor3D,
  mask: tf.Tensor2D,
  recurrent: tf.Tensor2D,
  candidateBias: tf.Tensor1D,
): { states: tf.Tensor2D[]; trace: tf.Tensor[] } {
  const [, batch, gates] = projected.shape;
  const width = gates / 3;
  const keep = tf.unstack(tf.expandDims(mask, 2));
  const states: tf.Tensor2D[] = [];
  const trace: tf.Tensor[] = [];
  let h: tf.Tensor2D = tf.zeros([batch, width]);
  tf.unstack(projected).forEach((input, t) => {
    const past = t === 0 ? tf.zeros([batch, gates]) : tf.matMul(h, recurrent);
    const [xGates, xNew] = tf.split(input, [2 * width, width], 1) as [tf.Tensor, tf.Tensor];
    const [hGates, hNew] = tf.split(past, [2 * width, width], 1) as [tf.Tensor, tf.Tensor];
    const both = tf.sigmoid(tf.add(xGates, hGates));
    const [reset, update] = tf.split(both, 2, 1) as [tf.Tensor, tf.Tensor];
    const memory = tf.add(hNew, candidateBias);
    const candidate = tf.tanh(tf.add(xNew, tf.mul(reset, memory)));
    const taken = tf.mul(keep[t]!, tf.sub(1, update));
    h = tf.add(h, tf.mul(taken, tf.sub(candidate, h)));
    states.push(h);
    trace.push(reset, update, memory, candidate);
  });
  return { states, trace };
}

/**
 * A step is h = h' + u ⊙ (n − h') with u = mask ⊙ (1 − z), so the gradients of its gates are
 * (dh, dh, dh) ⊙ K, where K does not depend on the gradient: it is made for all steps at once. What
 * is left for each step is one product and five element-wise operations.
 */
function backward(dStates: tf.Tensor3D, saved: readonly tf.Tensor[]): tf.Tensor[] {
  const [states, mask, recurrent, ...trace] = saved as [
    tf.Tensor3D,
    tf.Tensor2D,
    tf.Tensor2D,
    ...tf.Tensor[],
  ];
  const [time, batch, width] = states.shape;
  const [reset, update, memory, candidate] = [0, 1, 2, 3].map((offset) =>
    tf.stack(Array.from({ length: time }, (_, t) => trace[4 * t + offset]!)),
  ) as Four;
  const slope = (gate: tf.Tensor) => tf.mul(gate, tf.sub(1, gate));
  const keep = tf.expandDims(mask, 2);
  const taken = tf.mul(keep, tf.sub(1, update));
  const zero: tf.Tensor3D = tf.zeros([1, batch, width]);
  const previous = tf.concat([zero, tf.slice(states, 0, time - 1)], 0);

  const toCandidate = tf.mul(taken, tf.sub(1, tf.square(candidate)));
  const toReset = tf.mul(tf.mul(toCandidate, memory), slope(reset));
  const toUpdate = tf.mul(tf.mul(tf.sub(previous, candidate), keep), slope(update));
  const toMemory = tf.mul(toCandidate, reset);
  const factors = tf.unstack(tf.concat([toReset, toUpdate, toMemory], 2));
  const carried = tf.unstack(tf.sub(1, taken));
  const incoming = tf.unstack(dStates);
  const transposed = transposedOnce(recurrent);

  const dHidden = new Array<tf.Tensor>(time);
  const dGates = new Array<tf.Tensor>(time);
  let dh = incoming[time - 1]!;
  for (let t = time - 1; t >= 0; t--) {
    dHidden[t] = dh;
    const dz = tf.mul(tf.concat([dh, dh, dh], 1), factors[t]!);
    dGates[t] = dz;
    if (t === 0) break;
    const before = tf.matMul(dz as tf.Tensor2D, transposed);
    dh = tf.add(incoming[t - 1]!, tf.add(tf.mul(dh, carried[t]!), before));
  }
  const [dBoth, dMemory] = tf.split(tf.stack(dGates), [2 * width, width], 2) as [
    tf.Tensor3D,
    tf.Tensor3D,
  ];
  const dNew = tf.mul(tf.stack(dHidden), toCandidate) as tf.Tensor3D;
  return [
    tf.concat([dBoth, dNew], 2),
    recurrentGradient(states, tf.stack(dGates)),
    tf.sum(dMemory, [0, 1]),
  ];
}
