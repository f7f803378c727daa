import { type Activation, activations } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

/** What the LSTM's candidate and output go through. */
export type LstmActivation = Extract<Activation, 'tanh' | 'relu'>;

/**
 * The recurrent part of an LSTM, time first. `projected` is x·W + b for all steps at once,
 * `[time, batch, 4·width]`, its gates in the order input, forget, candidate, output (that of Keras
 * and PyTorch); `mask` is `[time, batch]`, 1 = real, 0 = padding; `recurrent` is
 * `[width, 4·width]`. Returns the state h after each step, `[time, batch, width]`:
 *
 *     [i, f, g, o] = split(projected_t + h_{t−1}·R);  i, f, o through sigmoid, g through φ
 *     c = f ⊙ c_{t−1} + i ⊙ g
 *     h = o ⊙ φ(c)
 *
 * At padding h and c stay what they were, so the last state is that of each text's last word.
 *
 * Source: Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al. (2000), as in
 * Keras' `LSTM(width, activation=φ)`.
 */
export function lstmSequence(
  projected: tf.Tensor3D,
  mask: tf.Tensor2D,
  recurrent: tf.Tensor2D,
  activation: LstmActivation,
): tf.Tensor3D {
  const phi = activations[activation];
  const [, batch, gates] = projected.shape;
  const width = gates / 4;
  return tf.tidy(() => {
    const inputs = tf.unstack(projected) as tf.Tensor2D[];
    const keep = tf.unstack(tf.expandDims(mask, 2));
    const hold = tf.unstack(tf.expandDims(tf.sub(1, mask), 2));
    let h: tf.Tensor2D = tf.zeros([batch, width]);
    let c: tf.Tensor2D = h;
    const states = inputs.map((input, t) => {
      const z = tf.add(input, tf.matMul(h, recurrent));
      const [i, f, g, o] = tf.split(z, 4, 1) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const cell = tf.add(tf.mul(tf.sigmoid(f), c), tf.mul(tf.sigmoid(i), phi(g)));
      const state = tf.mul(tf.sigmoid(o), phi(cell));
      c = tf.add(tf.mul(keep[t]!, cell), tf.mul(hold[t]!, c));
      h = tf.add(tf.mul(keep[t]!, state), tf.mul(hold[t]!, h));
      return h;
    });
    return tf.stack(states) as tf.Tensor3D;
  });
}
