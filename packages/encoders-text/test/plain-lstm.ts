import { activations } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { LstmActivation } from '../src/index.js';

/** The definition of `lstmSequence`, differentiated automatically. */
export function plainLstm(
  projected: tf.Tensor3D,
  mask: tf.Tensor2D,
  recurrent: tf.Tensor2D,
  activation: LstmActivation,
): tf.Tensor3D {
  const phi = activations[activation];
  const [, batch, gates] = projected.shape;
  return tf.tidy(() => {
    const keep = tf.unstack(tf.expandDims(mask, 2));
    const hold = tf.unstack(tf.expandDims(tf.sub(1, mask), 2));
    let h: tf.Tensor = tf.zeros([batch, gates / 4]);
    let c = h;
    const states = tf.unstack(projected).map((input, t) => {
      const z = tf.add(input, tf.matMul(h as tf.Tensor2D, recurrent));
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
