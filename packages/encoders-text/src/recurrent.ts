import {
  type Embedding,
  glorotUniform,
  type Key,
  orthogonal,
  type Params,
  split,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

/** What is common to recurrent layers: W `[in, gates·width]`, R `[width, gates·width]`, b `[gates·width]`. */
export interface RecurrentParams extends Params {
  readonly kernel: tf.Tensor2D;
  readonly recurrent: tf.Tensor2D;
  readonly bias: tf.Tensor1D;
}

/** Glorot for W, orthogonal for R. */
export function initKernels(key: Key, input: number, width: number, gates: number) {
  return {
    kernel: glorotUniform(split(key, 'kernel'), [input, gates * width]) as tf.Tensor2D,
    recurrent: orthogonal()(split(key, 'recurrent'), [width, gates * width]) as tf.Tensor2D,
  };
}

/** x·W + b for rows of any number at once, `[rows, in]` → `[rows, gates·width]`. */
export const project = ({ kernel, bias }: RecurrentParams, x: tf.Tensor2D): tf.Tensor2D =>
  tf.add(tf.matMul(x, kernel), bias);

/** The same for each word of `ids` `[batch, time]`, time first: `[time, batch, gates·width]`. */
export function projectWords(
  embedding: tf.Tensor2D,
  params: RecurrentParams,
  ids: tf.Tensor2D,
): tf.Tensor3D {
  const [batch, time] = ids.shape;
  // As floats, which hold every id exactly: oneDNN has no transpose of integers, and says so.
  const byTime = tf.cast(tf.transpose(tf.cast(ids, 'float32')), 'int32');
  const rows = tf.reshape(byTime, [time * batch]) as tf.Tensor1D;
  // Looking words up and projecting them commute: the smaller of the two is projected.
  const projected =
    embedding.shape[0] <= time * batch
      ? tf.gather(project(params, embedding), rows)
      : project(params, tf.gather(embedding, rows));
  return tf.reshape(projected, [time, batch, params.bias.shape[0]]);
}

/** The state after the last step, `[batch, width]`, of states `[time, batch, width]`. */
export function lastState(states: tf.Tensor3D): tf.Tensor2D {
  const [time, batch, width] = states.shape;
  return tf.reshape(tf.slice(states, [time - 1, 0, 0]), [batch, width]);
}

/** What an encoder returns of its states, time first. */
export function embeddingOf(states: tf.Tensor3D, mask: tf.Tensor2D) {
  const tokens: tf.Tensor3D = tf.transpose(states, [1, 0, 2]);
  return { vector: lastState(states), tokens, mask } satisfies Embedding;
}
