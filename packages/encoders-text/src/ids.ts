import { ChainruleError, checkShape } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

/** Id of the padding that fills a row after its last word. */
export const PADDING = 0;
/** Id of every word that the vocabulary lacks. */
export const UNKNOWN = 1;

/** @throws ChainruleError `SHAPE` unless ids are int32 `[batch, time]` with at least one step. */
export function checkIds(where: string, ids: tf.Tensor): void {
  checkShape(where, 'ids', ids, ['batch', 'time']);
  if (ids.dtype !== 'int32' || ids.shape[1] === 0) {
    throw new ChainruleError(
      'SHAPE',
      `${where}: ids must be int32 [batch, time] with at least one step, got ${ids.dtype} [${ids.shape.join(', ')}]`,
    );
  }
}

/** The mask of ids: float32 `[batch, time]`, 1 = a word, 0 = padding. */
export function realWords(ids: tf.Tensor2D): tf.Tensor2D {
  return tf.cast(tf.notEqual(ids, PADDING), 'float32');
}
